"""How each family of networks wants its photographs: size, crop, colours and range by name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from ..checks import check_choice
from .preprocess import Preprocess, numbers

CONTEXT = 256 / 224  # the shorter side of a photograph, relative to the crop from its middle
IMAGENET = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # torchvision's mean .485 .456 .406 and std .229 .224 .225, times 255
CAFFE = (104.0, 117.0, 123.0), (1.0, 1.0, 1.0)  # blue, green, red
SIGNED = (127.5,) * 3, (127.5,) * 3  # from -1 to 1
GOOGLE = (117 * 255 / 256,) * 3, (255 / 256,) * 3
Numbers: TypeAlias = Sequence[float] | NDArray[Any]


class Family(NamedTuple):
    """One way of preparing photographs.

    does       for --help
    mean, std  of each channel, from 0 to 255, in the network's order
    how        shorter: the shorter side becomes `share` x the network's size, whose centre is cropped; squeezed: both sides do;
               middle: the middle of the photograph, `share` of each side, is squeezed to the network's size
    size       of the network where its file does not say it"""

    does: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    how: str = "shorter"
    share: float = CONTEXT
    size: int = 224
    colours: str = "RGB"
    interpolation: str = "bilinear"
    antialias: bool = True


FAMILIES: dict[str, Family] = {
    # torchvision/transforms/_presets.py: ImageClassification
    "torchvision": Family("torchvision: shorter side 256, crop 224, mean .485 .456 .406, std .229 .224 .225", *IMAGENET),
    "torchvision-v2": Family("its newer weights: shorter side 232", *IMAGENET, share=232 / 224),
    "torchvision-bicubic": Family("its EfficientNets: bicubic", *IMAGENET, interpolation="bicubic"),
    # torchvision/models/googlenet.py: what _transform_input makes of the above
    "torchvision-googlenet": Family("its GoogLeNet after `transform_input`: shorter side 256, from -1 to 1", *SIGNED),
    "inception": Family("its Inception v3: shorter side 342, crop 299", *IMAGENET, size=299),
    # caffe/models/*/train_val.prototxt: mean_value, crop_size; caffe/examples/imagenet/create_imagenet.sh squeezes to 256x256
    "caffe": Family("Caffe: shorter side 256, BGR from 0 to 255 minus 104 117 123", *CAFFE, colours="BGR"),
    "caffe-squeezed": Family("the same, squeezed to 256x256 before the crop, as by Caffe's own scripts", *CAFFE, "squeezed", colours="BGR"),
    # keras/src/applications/imagenet_utils.py: mode "tf"
    "keras": Family("Keras MobileNet, Inception: squeezed, from -1 to 1", *SIGNED, "squeezed", 1.0),
    "keras-bicubic": Family("the same with bicubic interpolation", *SIGNED, "squeezed", 1.0, interpolation="bicubic"),
    # tensorflow/models slim/preprocessing/inception_preprocessing.py: central_fraction 0.875
    "slim": Family("TF-slim: the middle 87.5%, without antialias, from -1 to 1", *SIGNED, "middle", 0.875, antialias=False),
    "google": Family("Google's first GoogLeNet: squeezed, RGB * 256 - 117", *GOOGLE, "squeezed", 1.0),
    "mtcnn": Family("MTCNN: squeezed, (x - 127.5) / 128", (127.5,) * 3, (128.0,) * 3, "squeezed", 1.0, 48),
    "unit": Family("squeezed, from 0 to 1", (0.0,) * 3, (255.0,) * 3, "squeezed", 1.0),
}
CAFFE_SIZES = (224, 227)  # of crops from photographs whose shorter side is 256


def family(name: str, input_size: tuple[int, int, int] | None = None) -> Preprocess:
    """The Preprocess of the family `name` of FAMILIES for an input of this size (height, width, channels; its own size if None)."""
    made = FAMILIES[check_choice("family", "name", name, tuple(FAMILIES))]
    height, width, channels = input_size or (made.size, made.size, 3)
    mean, std = (made.mean, made.std) if channels == 3 else tuple((sum(values) / 3,) for values in (made.mean, made.std))
    resize = _resize(name, made, height, width)
    return Preprocess((height, width, channels), resize, mean, std, made.colours, made.interpolation, made.antialias)


def _resize(name: str, made: Family, height: int, width: int) -> int | float | tuple[int, int]:
    """The `resize` of a Preprocess for this size. For maps that are not square, photographs are squeezed."""
    if made.how == "middle":
        return made.share
    if height != width:
        return height, width
    length = 256 if name.startswith("caffe") and height in CAFFE_SIZES else round(height * made.share)
    return length if made.how == "shorter" else (length, length)


def changed(
    preprocess: Preprocess, size: tuple[int, int] | None = None, mean: Numbers | None = None, std: Numbers | None = None,
    colours: str | None = None,
) -> Preprocess:  # fmt: skip
    """The same with another size of the network's input, mean, std or order of colours; the crop keeps its proportion.

    mean, std: of each channel, or one for all of them."""
    if size is not None and size != preprocess.input_size[:2]:
        preprocess = _at_size(preprocess, size)
    given = {"mean": _of_each(mean, preprocess), "std": _of_each(std, preprocess), "colours": colours}
    return replace(preprocess, **{name: value for name, value in given.items() if value is not None})


def _of_each(values: Any, preprocess: Preprocess) -> Any:
    """One number becomes that of each channel; anything else is left to the checks of a Preprocess."""
    found = numbers(values)
    return found * preprocess.input_size[2] if len(found) == 1 else values


def _at_size(preprocess: Preprocess, size: tuple[int, int]) -> Preprocess:
    old, resize = preprocess.input_size, preprocess.resize
    if isinstance(resize, int) and size[0] == size[1]:
        resize = round(resize * size[0] / old[0])
    elif not isinstance(resize, float):
        long = resize if isinstance(resize, tuple) else old[:2]
        resize = round(long[0] * size[0] / old[0]), round(long[1] * size[1] / old[1])
    return replace(preprocess, input_size=(size[0], size[1], old[2]), resize=resize)


def likely(kind: str, facts: Mapping[str, str]) -> tuple[str, bool]:
    """(the family of a file of this kind, such as "onnx", with these facts; whether that is known, not assumed)."""
    producer = facts.get("producer", "").lower()
    if kind == "caffe":
        return "caffe", "mean" in facts or "scale" in facts
    if "keras" in producer or "tf2onnx" in producer:
        return "keras", False
    if "caffe" in producer:
        return "caffe", False
    return "torchvision", False
