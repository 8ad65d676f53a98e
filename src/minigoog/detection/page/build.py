"""The page's facts, and its file: pictures are PNG inside it, labels of segments are the colours of pixels."""

import base64
import json
import re
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...array_types import Array, IntArray
from ..drawing.png import png
from ..measuring import Detections
from ..proposals import Hierarchy, hierarchies, scaled
from ..rcnn.crops import context_of, windows
from ..rcnn.detector import Detector

MOST = 1000  # proposals on a page


def build_page(detector: Detector, image: NDArray[np.uint8], name: str) -> str:
    """The text of the page of a picture uint8 [h, w, 3]: the hierarchies of its regions, proposals by rank, and what the detector says of
    each; `name` stands above it."""
    boxes = detector.proposed(image)[:MOST]
    features = detector.features(list(detector.maps(image, boxes)))
    found = detector.judged(boxes, features, detector.way(), image.shape[:2])
    scores = np.mean([member.heads.scores(x, detector.settings.head) for member, x in zip(detector.members, features, strict=True)], axis=0)
    facts = {"name": name, "classes": detector.classes, "picture": _url(image), "size": image.shape[:2], "network": _network(detector),
             "proposals": _proposals(detector, boxes, scores), "found": _found(found),
             "hierarchies": _hierarchies(detector, image)}  # fmt: skip
    return _filled(facts)


def _filled(facts: dict[str, Any]) -> str:
    """The page's template, with style and script, for its facts."""
    html, style, script = ((files(__package__) / "web" / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    parts = {"STYLE": style, "FACTS": _json(facts), "SCRIPT": script}
    return re.sub(r"/\*([A-Z]+)\*/", lambda mark: parts[mark[1]], html)


def _network(detector: Detector) -> dict[str, Any]:
    chosen = detector.settings
    return {"size": chosen.size, "context": context_of(chosen.size), "members": len(detector.members), "head": chosen.head}


def _proposals(detector: Detector, boxes: Array, scores: Array) -> list[dict[str, Any]]:
    """The box, the pixels that its crop shows, and the score of each class, of each proposal."""
    shown = windows(boxes, detector.settings.size, context_of(detector.settings.size))
    return [{"box": np.round(box, 1).tolist(), "window": window.tolist(), "scores": np.round(row, 3).tolist()}
            for box, window, row in zip(boxes, shown, scores.astype(float), strict=True)]  # fmt: skip


def _found(found: Detections) -> list[dict[str, Any]]:
    return [{"box": np.round(box, 1).tolist(), "label": label, "score": round(score, 3)}
            for box, label, score in zip(found.boxes, found.labels.tolist(), found.scores.tolist(), strict=True)]  # fmt: skip


def _hierarchies(detector: Detector, image: NDArray[np.uint8]) -> list[dict[str, Any]]:
    small, chosen = scaled(image, detector.settings.width), detector.settings
    return [_hierarchy(each, small) for each in hierarchies(small, chosen.strategy, chosen.superpixels)]


def _hierarchy(each: Hierarchy, small: NDArray[np.uint8]) -> dict[str, Any]:
    """First segments as a picture of their numbers, their mean colours and sizes, and the merges in order."""
    labels, sizes = each.regions.labels, each.regions.sizes
    sums = np.stack([np.bincount(labels.ravel(), small[..., i].ravel(), len(sizes)) for i in range(3)], axis=1)
    return {"title": f"{each.colours}, k = {each.k:g}, {each.similarity}", "labels": _url(_as_pixels(labels)), "sizes": sizes.tolist(),
            "colours": np.round(sums / sizes[:, None]).astype(int).tolist(), "merged": each.merged.tolist(),
            "similar": np.round(each.similarities.astype(float), 2).tolist()}  # fmt: skip


def _as_pixels(labels: IntArray) -> NDArray[np.uint8]:
    """Numbers below 2^24 as colours: red counts, green counts 256, blue 65,536."""
    return np.stack([labels & 255, (labels >> 8) & 255, labels >> 16], axis=2).astype(np.uint8)


def _url(image: NDArray[np.uint8]) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(image, 9)).decode()}"


def _json(facts: dict[str, Any]) -> str:
    """As JSON that is safe inside a page: an unescaped `<` could end its script element."""
    return json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")
