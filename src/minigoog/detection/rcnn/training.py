"""Training a detector, in stages that each leave files in a folder, so that a run that was stopped goes on where it was.

    settings.json        the settings and the data of the run
    pool/0000.npz        windows of each training picture, and the trunk's maps of their crops
    member-1.npz         the tail and head of each member, as far as they are trained
    heads-1.safetensors  its SVMs and box regression beside its softmax
    detector.safetensors the detector"""

import json
import math
import time
import zlib
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ... import rng
from ...array_types import Array
from ...features import outputs
from ...files import atomic_write
from ...importing import ImportedNetwork
from ...loading import TrainedModel
from ...reading import json_value, reading
from ...text import listed, printable
from ..annotations import DetectionSet
from ..multibox import MultiBoxHead
from ..multibox.training import learn, new_head, parts_of, turned
from ..proposals import prior_sides
from . import heads, saving, settings
from . import pool as pools
from .detector import Detector, Member
from .network import split
from .pool import Pool
from .settings import Settings
from .svm import Linear
from .tuning import Classifier, Tuner

MULTIBOX_RATE = 0.003  # of Adam, at first
SAVED_EVERY = 60.0  # seconds of fine-tuning
DETECTOR = "detector.safetensors"


def train(model: TrainedModel, dataset: DetectionSet, chosen: Settings, folder: Path) -> Iterator[str]:
    """Trains a detector for the classes of a data set from a network, and writes it to `folder`; yields what it is doing.

    Whatever was made in the folder by the same settings, network and data is used again."""
    if not any(len(each.boxes) for each in dataset.objects):
        raise ValueError(f"train: the {len(dataset):,} pictures have no objects, expected some")
    parts, eye = split(model, chosen.size, chosen.frozen), _eye(model, chosen)
    folder.mkdir(parents=True, exist_ok=True)
    _same(folder, chosen, model, dataset)
    if (folder / DETECTOR).exists():
        yield f"{printable(folder / DETECTOR)}: is there already"
        return
    detector = Detector(dataset.classes, model.preprocess, chosen, parts.trunk, (), eye=eye)
    pool = yield from pools.made(detector, dataset, folder / "pool")
    members = []
    for number in range(1, chosen.models + 1):
        tail = split(model, chosen.size, chosen.frozen).tail
        members.append((yield from _member(number, tail, pool, detector, folder)))
    multibox = (yield from _multibox(detector, dataset)) if chosen.multibox else None
    saving.save(replace(detector, members=tuple(members), multibox=multibox), folder / DETECTOR)
    yield f"{printable(folder / DETECTOR)}: written"


def _same(folder: Path, chosen: Settings, model: TrainedModel, dataset: DetectionSet) -> None:
    """Writes the settings and what tells network and data apart from others; ValueError if the folder has a run with others."""
    path = folder / "settings.json"
    facts = {"settings": settings.facts_of(chosen), "classes": list(dataset.classes),
             "pictures": [picture.file.name for picture in dataset.pictures],
             "objects": _checksum(part for each in dataset.objects for part in each),
             "network": _checksum(model.state_dict().values())}  # fmt: skip
    if path.exists():
        with reading(path, "not the settings of a run"):
            old = json_value(path.read_bytes(), dict)
            before = settings.from_facts(old["settings"])
        changed = settings.differences(before, chosen)
        others = [f"other {name}" for name in facts if name != "settings" and old.get(name) != facts[name]]
        if changed or others:
            raise ValueError(f"{printable(folder)}: has a run with {listed([*others, *changed])}; choose another folder")
    with atomic_write(path) as file:
        file.write(json.dumps(facts).encode())


def _checksum(arrays: Iterable[Any]) -> int:
    total = 0
    for array in arrays:
        total = zlib.crc32(array.tobytes(), zlib.crc32(str(array.shape).encode(), total))
    return total


# ---- MultiBox ----


def _eye(model: TrainedModel, chosen: Settings) -> ImportedNetwork | None:
    """What MultiBox looks through; None: the trunk."""
    if not chosen.multibox or chosen.multibox_layer in ("", chosen.frozen):
        return None
    return split(model, chosen.whole, chosen.multibox_layer, "multibox_layer").trunk

def _multibox(detector: Detector, dataset: DetectionSet) -> Generator[str, None, MultiBoxHead]:
    """The head, trained on whole pictures, each also mirrored; it takes minutes, and begins anew if it is stopped."""
    chosen, maps, objects = detector.settings, list[Array](), list[Array]()
    for i, picture in enumerate(dataset.pictures, start=1):
        image, parts = picture.pixels(), parts_of(picture.objects, picture.height, picture.width)
        maps += [detector.whole(image), detector.whole(np.ascontiguousarray(image[:, ::-1]))]
        objects += [parts, turned(parts)]
        yield f"maps of {i:,} of {len(dataset):,} whole pictures"
    whole = np.concatenate(maps)
    each = math.ceil(chosen.multibox / (whole.shape[1] * whole.shape[2]))  # priors of a cell
    sides = prior_sides(dataset.objects, [(picture.height, picture.width) for picture in dataset.pictures], each, chosen.seed)
    head = new_head(whole, sides, chosen.seed)
    for step, loss in enumerate(learn(head, whole, objects, chosen.multibox_steps, MULTIBOX_RATE, chosen.seed), start=1):
        yield f"MultiBox: step {step:,} of {chosen.multibox_steps:,}, loss {loss:.2f}"
    return head


# ---- members ----


def _member(number: int, tail: ImportedNetwork, pool: Pool, detector: Detector, folder: Path) -> Generator[str, None, Member]:
    """Fine-tunes a member and fits its heads."""
    chosen, seed = detector.settings, detector.settings.seed + number - 1
    rng.manual_seed(seed)
    model = Classifier(tail, len(detector.classes), pool.maps[:1])
    tuner, path = Tuner(model, chosen, seed), folder / f"member-{number}.npz"
    if path.exists():
        _restore(path, tuner)
    saved = time.perf_counter()
    for step in tuner.run(pool.maps, pool.windows.labels):
        yield f"member {number}: step {step.number:,} of {chosen.steps:,}, loss {step.loss:.3f}, {100 * step.right:.0f}% right"
        if time.perf_counter() - saved > SAVED_EVERY or step.number == chosen.steps:
            _store(path, tuner)
            saved = time.perf_counter()
    kept = folder / f"heads-{number}.safetensors"
    if not kept.exists():
        yield f"member {number}: heads"
        saving.save_heads(fitted(model, pool, chosen), kept)
    return Member(tail, saving.load_heads(kept, len(detector.classes)))


def fitted(model: Classifier, pool: Pool, chosen: Settings) -> heads.Heads:
    """The heads of a member, on the features of its tail."""
    bias: Any = model.head.bias
    softmax = Linear(model.head.weight.data.copy(), bias.data.copy())
    if not (chosen.svm or chosen.regress):
        return heads.Heads(softmax, None, (), 1.0)
    batches = (np.asarray(pool.maps[start : start + 64], np.float32) for start in range(0, len(pool.maps), 64))
    features = heads.features_of(outputs(model.tail, batches))
    svm = heads.svms(features, pool.windows, pool.pictures) if chosen.svm else None
    boxes, scale = heads.regressions(features, pool.windows, chosen.penalty) if chosen.regress else ((), 1.0)
    return heads.Heads(softmax, svm, boxes, scale)


def _store(path: Path, tuner: Tuner) -> None:
    with atomic_write(path) as file:
        state: dict[str, Any] = _state(tuner)
        np.savez(file, done=tuner.done, **state)


def _restore(path: Path, tuner: Tuner) -> None:
    own = _state(tuner)
    with reading(path, "not a member of this run"), np.load(path, allow_pickle=False) as file:
        for name, array in own.items():
            if file[name].shape != array.shape:
                raise ValueError(f"its {name} has shape {file[name].shape}, expected {array.shape}")
            array[...] = file[name]
        tuner.done = int(file["done"])


def _state(tuner: Tuner) -> dict[str, Array]:
    """The arrays of a member by name; not copies."""
    velocities = {f"velocity {i}": array for i, array in enumerate(tuner.optimizer.velocities)}
    return {f"weight {name}": array for name, array in tuner.model.state_dict().items()} | velocities
