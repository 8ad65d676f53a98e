"""Converts the weights of Caffe's GoogLeNet ("bvlc_googlenet") to a file that every program of minigoog takes as --weights.

    python docs/caffe_googlenet.py weights.npz synset_words.txt PHOTOS googlenet.safetensors

weights.npz: arrays `layer.weight`, HWIO or [in, out], and `layer.bias`, named as in Caffe's deploy.prototxt; synset_words.txt: the
1,000 classes in order; PHOTOS: a folder of some photographs. Caffe's network has local response normalisation (LRN) in two places,
and this package has none. The script measures on the photographs by what LRN divides each channel, and divides the weights of the next
layers by the median. This is an approximation: predictions are less accurate than Caffe's."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import minigoog as mg
from minigoog.data import images
from minigoog.data.transforms import CenterCrop, Resize
from minigoog.files import check_writable
from minigoog.formats import googlenet_from_caffe, saved_model
from minigoog.formats.caffe import MEAN

SIZE = 224


def main(weights: str, classes: str, photos: str, output: str) -> None:
    check_writable(output)
    model = mg.models.GoogLeNet(aux_heads=False).eval()
    model.load_state_dict(googlenet_from_caffe(np.load(weights)))
    with mg.no_grad():
        divisors = np.median([lrn_divisors(model, photo(path)) for path in sorted(Path(photos).iterdir())], axis=0)
    for layer, divisor in readers(model, np.split(divisors, [64])):
        layer.weight.data[...] /= divisor[:, None].astype(np.float32)
    names = tuple(line.split(" ", 1)[1].split(",")[0] for line in Path(classes).read_text().splitlines())
    info = saved_model.Info("googlenet", {"aux_heads": False}, names, (SIZE, SIZE, 3), MEAN, (1.0, 1.0, 1.0), {"source": "bvlc_googlenet"})
    saved_model.save(output, model.state_dict(), info)
    print(f"{output}: GoogLeNet, {sum(p.size for p in model.parameters()):,} parameters")


def photo(path: Path) -> mg.Tensor:
    """A photograph as the network sees it: [1, 224, 224, 3], the mean subtracted."""
    pixels = CenterCrop(SIZE)(Resize(SIZE)(images.decode(path)))
    return mg.Tensor((pixels - np.array(MEAN, np.float32))[None].astype(np.float32))


def lrn_divisors(model: mg.models.GoogLeNet, x: mg.Tensor) -> NDArray[np.float32]:
    """The divisors of LRN for each of 64 and 192 channels, averaged over one image: a channel's sum before LRN over its sum after."""
    found = []
    for part in (lambda x: model.pool1(model.conv1(x)), model.conv2):
        y = part(x).data
        x = mg.Tensor(y / lrn(y))
        found.append((y.sum((0, 1, 2)) + 1e-9) / (x.data.sum((0, 1, 2)) + 1e-9))
    return np.concatenate(found)


def lrn(y: NDArray[np.float32], size: int = 5, alpha: float = 1e-4, beta: float = 0.75) -> NDArray[np.float32]:
    """(1 + alpha / size * sum of y * y over `size` neighbouring channels) ** beta, of each number."""
    squares = np.pad(y * y, ((0, 0), (0, 0), (0, 0), (size // 2, size // 2)))
    return (1 + alpha / size * sum(squares[..., k : k + y.shape[3]] for k in range(size))) ** beta


def readers(
    model: mg.models.GoogLeNet, divisors: list[NDArray[np.float32]]
) -> Iterable[tuple[mg.nn.Conv2d, NDArray[np.float32]]]:  # fmt: skip
    """(convolution, divisors of its input's channels) for each convolution that reads LRN's output. Max pooling between them commutes."""
    module = model.inception3a
    second = (module.branch1x1, module.branch3x3.reduce, module.branch5x5.reduce, module.branch_pool.project)
    return [(model.conv2.reduce, divisors[0]), *((layer, divisors[1]) for layer in second)]


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
