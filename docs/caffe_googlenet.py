"""Turns the weights of Caffe's GoogLeNet ("bvlc_googlenet") into a file that every program of minigoog takes as --weights.

    python docs/caffe_googlenet.py weights.npz synset_words.txt PHOTOS googlenet.safetensors

weights.npz: arrays `layer.weight`, HWIO or [in, out], and `layer.bias`, named as in Caffe's deploy.prototxt; synset_words.txt: the
1,000 classes in order; PHOTOS: a folder of some photographs. Caffe's network has local response normalisation (LRN) in two places,
and this package has not. What LRN divides each channel by is measured on the photographs, and its mean becomes part of the weights
that follow. That is an approximation: classes come out less well than with Caffe."""

import sys
from pathlib import Path

import numpy as np

import minigoog as mg
from minigoog.data import images
from minigoog.data.transforms import CenterCrop, Resize
from minigoog.formats import googlenet_from_caffe, saved_model
from minigoog.formats.caffe import MEAN

SIZE = 224


def main(weights, classes, photos, output):
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


def photo(path):
    pixels = CenterCrop(SIZE)(Resize(SIZE)(images.decode(path), None), None)
    return mg.Tensor((pixels - np.float32(MEAN))[None].astype(np.float32))


def lrn_divisors(model, x):
    """What LRN divides each of 64 and 192 channels by, on the average of one image: the channel's sum before it by that behind it."""
    found = []
    for part in (lambda x: model.pool1(model.conv1(x)), model.conv2):
        y = part(x).data
        x = mg.Tensor(y / lrn(y))
        found.append((y.sum((0, 1, 2)) + 1e-9) / (x.data.sum((0, 1, 2)) + 1e-9))
    return np.concatenate(found)


def lrn(y, size=5, alpha=1e-4, beta=0.75):
    """(1 + alpha / size * sum of y * y over `size` neighbouring channels) ** beta, of each number."""
    squares = np.pad(y * y, ((0, 0), (0, 0), (0, 0), (size // 2, size // 2)))
    return (1 + alpha / size * sum(squares[..., k : k + y.shape[3]] for k in range(size))) ** beta


def readers(model, divisors):
    """(convolution, divisors of its input's channels) of all that read what LRN gave. A max pool between changes nothing."""
    module = model.inception3a
    second = (module.branch1x1, module.branch3x3.reduce, module.branch5x5.reduce, module.branch_pool.project)
    return [(model.conv2.reduce, divisors[0]), *((layer, divisors[1]) for layer in second)]


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
