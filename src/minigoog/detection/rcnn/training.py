"""Training a detector, in stages that each leave files in a folder, so that a run that was stopped goes on where it was.

    settings.json        the settings and the data of the run
    pool/0000.npz        windows of each training picture, and the trunk's maps of their crops
    member-1.npz         the tail and head of each member, as far as they are trained
    detector.safetensors the detector"""

import json
import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ... import rng
from ...array_types import Array, IntArray
from ...features import outputs
from ...files import atomic_write
from ...importing import ImportedNetwork
from ...loading import TrainedModel
from ...reading import json_value, reading
from ...text import printable
from ..annotations import DetectionSet
from ..multibox import MultiBoxHead
from ..multibox.training import learn, new_head, parts_of, turned
from ..proposals import prior_sides
from . import heads, saving, settings, windows
from .detector import Detector, Member, proposed
from .network import split
from .settings import Settings
from .svm import Linear
from .tuning import Classifier, Tuner
from .windows import Windows

MULTIBOX_RATE = 0.003  # of Adam, at first
SAVED_EVERY = 60.0  # seconds of fine-tuning
DETECTOR = "detector.safetensors"


class Pool(NamedTuple):
    """The windows of all training pictures, the trunk's maps float16 [n, h, w, c] of their crops, and of which picture each is."""

    windows: Windows
    maps: Array
    pictures: IntArray


def train(model: TrainedModel, dataset: DetectionSet, chosen: Settings, folder: Path) -> Iterator[str]:
    """Trains a detector for the classes of a data set from a network, and writes it to `folder`; yields what it is doing.

    Whatever was made in the folder by the same settings and data is used again."""
    folder.mkdir(parents=True, exist_ok=True)
    _same(folder, chosen, dataset)
    parts = split(model, chosen.size, chosen.frozen)
    detector = Detector(dataset.classes, model.preprocess, chosen, parts.trunk, ())
    pool = yield from _pool(detector, dataset, folder / "pool")
    members = []
    for number in range(1, chosen.models + 1):
        tail = split(model, chosen.size, chosen.frozen).tail
        members.append((yield from _member(number, tail, pool, detector, folder)))
    multibox = (yield from _multibox(detector, dataset)) if chosen.multibox else None
    saving.save(Detector(dataset.classes, model.preprocess, chosen, parts.trunk, tuple(members), multibox), folder / DETECTOR)
    yield f"{printable(folder / DETECTOR)}: written"


def _same(folder: Path, chosen: Settings, dataset: DetectionSet) -> None:
    """Writes the settings and the names of the pictures; ValueError if the folder has a run with others."""
    path, names = folder / "settings.json", [picture.file.name for picture in dataset.pictures]
    facts = {"settings": settings.facts_of(chosen), "classes": list(dataset.classes), "pictures": names}
    if path.exists():
        with reading(path, "not the settings of a run"):
            old = json_value(path.read_bytes(), dict)
            changed = settings.differences(settings.from_facts(old["settings"]), chosen)
            if changed or old != facts:
                raise ValueError(f"it is of a run with other settings or data{changed and ': ' + changed}; choose another folder")
    with atomic_write(path) as file:
        file.write(json.dumps(facts).encode())


# ---- MultiBox ----


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


# ---- windows and their maps ----


def _pool(detector: Detector, dataset: DetectionSet, folder: Path) -> Generator[str, None, Pool]:
    folder.mkdir(exist_ok=True)
    began, done, found = time.perf_counter(), 0, []
    for i, picture in enumerate(dataset.pictures):
        path = folder / f"{i:04d}.npz"
        if not path.exists():
            _write_windows(path, i, picture, detector)
            done += 1
            rate = (time.perf_counter() - began) / done
            yield f"windows of {i + 1:,} of {len(dataset):,} pictures, {rate:.1f} s each"
        found.append(_read_windows(path))
    pictures = np.repeat(np.arange(len(found)), [len(each.labels) for each, _ in found])
    return Pool(windows.joined([each for each, _ in found]), np.concatenate([maps for _, maps in found]), pictures)


def _write_windows(path: Path, number: int, picture: Any, detector: Detector) -> None:
    image, chosen = picture.pixels(), detector.settings
    generator = np.random.default_rng((chosen.seed, number))
    named = windows.labelled(proposed(image, chosen), picture.objects, len(detector.classes))
    drawn = windows.drawn(named, chosen.positives, chosen.negatives, generator)
    maps = np.concatenate(list(detector.maps(image, drawn.boxes, drawn.mirrored)))
    with atomic_write(path) as file:
        np.savez(file, maps=np.clip(maps, -65504, 65504).astype(np.float16), **drawn._asdict())


def _read_windows(path: Path) -> tuple[Windows, Array]:
    with reading(path, "not windows of a run"), np.load(path, allow_pickle=False) as file:
        return Windows(*(file[name] for name in Windows._fields)), file["maps"]


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
    yield f"member {number}: heads"
    return Member(tail, fitted(model, pool, chosen))


def fitted(model: Classifier, pool: Pool, chosen: Settings) -> heads.Heads:
    """The heads of a member, on the features of its tail."""
    batches = (np.asarray(pool.maps[start : start + 64], np.float32) for start in range(0, len(pool.maps), 64))
    features = heads.features_of(outputs(model.tail, batches))
    bias: Any = model.head.bias
    softmax = Linear(model.head.weight.data.copy(), bias.data.copy())
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
