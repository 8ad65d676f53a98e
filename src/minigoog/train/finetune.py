"""Fine-tuning: a trained network gets a new classifier for other classes, and is trained on their images from where it is.

First only the new classifier learns, from features that are computed once; then all layers that are not frozen. Images are prepared as
for the old weights."""

import zlib
from difflib import get_close_matches
from functools import partial
from inspect import signature
from typing import Any

from .. import loading, models, rng
from ..array_types import Array
from ..data import image_statistics
from ..data.families import changed
from ..data.images import Image
from ..data.preprocess import Preprocess
from ..formats import graph_json
from ..formats.saved_model import Info
from ..importing import ImportedNetwork
from ..importing.classes import with_classes
from ..loading import TrainedModel, constants, load
from ..nn import BatchNorm2d, ConvBNReLU, Dropout, Module, masks
from ..optim.optimizer import Group
from ..text import listed, printable, short
from . import augmentation, fingerprint
from .classifier import Classifier, last_layer
from .config import Config
from .distillation import Teacher
from .setup import Setup, class_weights, datasets, one_size, skipped, try_size


def prepare(config: Config, testing: bool = True) -> Setup:
    """The Setup of these settings, with `weights`; ValueError or OSError, naming the setting or file, if they do not fit together.

    testing: see `datasets`."""
    train, test = datasets(config, testing)
    source = load(str(config.weights), preprocess=config.preprocess)
    preprocess = changed(source.preprocess, None if config.size is None else (config.size, config.size))
    old = _classifier(source)
    info = _info(config, source, preprocess, train, test)
    build = partial(_new_network, source, old, info)
    model, prepared, size = build(config), _Prepared(preprocess), info.input_size[0]
    try_size(config, model, (1, *info.input_size))
    how = info.more["augment"], size, partial(image_statistics, train), one_size((train, test), size)
    setup = Setup(
        train, test, augmentation.training(config, *how, prepared.end),
        prepared, model, info, _facts(source, train, test), build, old.of(model), constants(source),
        Teacher(config, info, preprocess.colours) if config.distill else None, class_weights=class_weights(config, train),
    )  # fmt: skip
    freeze(setup, config)
    return setup


def _classifier(source: TrainedModel) -> Classifier:
    return last_layer(f"train: `weights` is '{printable(source.path)}'", source, source.info.input_size)


def _info(config: Config, source: TrainedModel, preprocess: Preprocess, train: Any, test: Any) -> Info:
    """What is saved with the new weights; ValueError, naming the setting, if network and images do not fit together."""
    channels = preprocess.input_size[2]
    if train[0][0].shape[2] != channels:
        raise ValueError(f"train: `data` has images of {train[0][0].shape[2]} channels, but the network of `weights` takes {channels}")
    more = {"augment": augmentation.chosen(config)} | skipped(config, train, test)
    info = source.info._replace(arguments=_arguments(source, len(train.classes)), classes=tuple(train.classes), more=more)
    return loading.described(info, preprocess)


def _arguments(source: TrainedModel, classes: int) -> dict[str, Any]:
    """The arguments that build the network for so many classes; ValueError, naming `weights`, if it cannot have them."""
    if isinstance(source, ImportedNetwork):
        return {"graph": graph_json.described(with_classes(source.graph, classes))[0]}
    known = signature(models.MODELS[source.info.model]).parameters
    if "num_classes" not in known and classes != len(source.classes):
        raise ValueError(f"train: `data` has {classes} classes, but the network of `weights` always has {len(source.classes)}")
    new = {"num_classes": classes, "aux_heads": False}
    return source.info.arguments | {name: value for name, value in new.items() if name in known}


def _new_network(source: TrainedModel, old: Classifier, info: Info, config: Config) -> Module:
    """The network with the old weights, and a classifier of zeros; the next random numbers depend on the sampling seed alone."""
    most = 2 * sum(array.size for array in source.state_dict().values()) + (1 << 20)
    model = loading.build(info, constants(source), most)
    if isinstance(model, ImportedNetwork):
        model.logits = True  # training needs what goes into a Softmax at its end
    own, ends = model.state_dict(), f"{old.name}."
    model.load_state_dict({name: array for name, array in source.state_dict().items() if name in own and not name.startswith(ends)}, False)
    loading.set_masks(model, {name: mask.copy() for name, mask in masks(source).items() if not name.startswith(ends)})
    rng.manual_seed(config.samplings)
    return model


def _facts(source: TrainedModel, train: Any, test: Any) -> fingerprint.Facts:
    """What decides the bits, besides settings and machine."""
    checksum = 0
    for name, array in source.state_dict().items():
        checksum = zlib.crc32(array.tobytes(), zlib.crc32(name.encode(), checksum))
    images = fingerprint.of_images("training", train) | fingerprint.of_images("test", test)
    return {"weights of the network": f"checksum {checksum:08x}"} | images


class _Prepared:
    """The transform of a test image, and the end of that of a training image: what `preprocess` does."""

    def __init__(self, preprocess: Preprocess) -> None:
        self.preprocess = preprocess

    def __call__(self, image: Image, generator: Any = None) -> Array:
        return self.preprocess.normalized(self.preprocess.middle(image))

    def end(self, image: Image, generator: Any = None) -> Array:
        """Normalises an image that has its size already."""
        return self.preprocess.normalized(image)

    def __repr__(self) -> str:
        return repr(self.preprocess)


# ---- what is trained, and how fast ----


def freeze(setup: Setup, config: Config) -> None:
    """Freezes the parameters of the modules that `config` names; ValueError, naming the nearest, if there is none."""
    for name in config.freeze:
        for parameter in _named(setup, name):
            parameter.requires_grad = False


def _named(setup: Setup, name: str) -> list[Any]:
    """The parameters of the module `name`; if there is none, of all modules whose names begin like that."""
    parameters = dict(setup.model.named_parameters())
    found = [n for n in parameters if n.startswith(f"{name}.") or n == name] or [n for n in parameters if n.startswith(name)]
    modules = [n for n, _ in setup.model.named_modules() if n]
    if not found:
        near = get_close_matches(name, modules, 5) or [n for n, _ in setup.model.named_children()]
        raise ValueError(f"train: `freeze` has {short(name)}, expected the name of a module, or how names begin, such as {listed(near)}")
    assert setup.classifier is not None
    if f"{setup.classifier.name}.weight" in found:
        raise ValueError(f"train: `freeze` has {short(name)}, which is the new classifier, expected other modules")
    return [parameters[n] for n in found]


def keep_still(model: Module, config: Config) -> None:
    """Puts frozen modules, dropout, and batch normalisation unless it is to follow the new images, into evaluation mode.

    Without dropout, because imported networks have none, and the new classifier was trained on features without it."""
    for module in model.modules():
        parameters = module.parameters()
        frozen = bool(parameters) and not any(parameter.requires_grad for parameter in parameters)
        if frozen or isinstance(module, Dropout) or (config.freeze_norm and isinstance(module, (BatchNorm2d, ConvBNReLU))):
            module.eval()


def groups(setup: Setup, config: Config) -> list[Group]:
    """The parameters in groups, each with its initial learning rate: the old ones, and the new classifier's; biases apart, if theirs is."""
    return [part for group in _old_and_new(setup, config) for part in _with_biases(group, setup, config.bias_rate)]


def _with_biases(group: Group, setup: Setup, factor: float) -> list[Group]:
    """The group, or without its biases and its biases, whose rate is `factor` times that of the group."""
    ids = {id(p) for name, p in setup.model.named_parameters() if name.rpartition(".")[2] == "bias" and factor != 1}
    others, biases = ([p for p in group["params"] if (id(p) in ids) == among] for among in (False, True))
    rates = (group["lr"], others), (factor * group["lr"], biases)
    return [{"params": parameters, "lr": rate} for rate, parameters in rates if parameters]


def _old_and_new(setup: Setup, config: Config) -> list[Group]:
    parameters = setup.model.parameters()
    if setup.classifier is None:
        return [{"params": parameters, "lr": config.lr}]
    head = [parameter for parameter in setup.classifier[1:] if parameter is not None]
    old = [parameter for parameter in parameters if not any(parameter is other for other in head)]
    return [{"params": old, "lr": config.lr}, {"params": head, "lr": config.head_lr or config.lr}]
