"""What happens to an image before the network sees it, with torchvision's names and meanings, on arrays [h, w, c].

Each is called as transform(image, generator): a NumPy Generator decides what is random, so that a seed decides everything. Values go
from 0 to 255, as uint8 until something makes them float32."""

import math

import numpy as np

from ..checks import check_int, check_real
from .images import FILTERS, resize

GREY = np.array([0.299, 0.587, 0.114], np.float32)  # luma of RGB (ITU-R BT.601, as in Pillow's "L")


class Compose:
    """One transform after the other."""

    def __init__(self, transforms):
        self.transforms = list(transforms)

    def __call__(self, image, generator):
        for transform in self.transforms:
            image = transform(image, generator)
        return image

    def __repr__(self):
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class Resize:
    """The shorter side becomes `size` pixels, the longer keeps the proportion. (Paper, section 7)"""

    def __init__(self, size, interpolation="bilinear"):
        self.size, self.interpolation = check_int("Resize", "size", size, 1), interpolation

    def __call__(self, image, generator):
        h, w = image.shape[:2]
        scale = self.size / min(h, w)
        new = (self.size, max(self.size, int(w * scale))) if h <= w else (max(self.size, int(h * scale)), self.size)
        return image if new == (h, w) else resize(image, new, self.interpolation)

    def __repr__(self):
        return f"Resize({self.size}, {self.interpolation!r})"


class CenterCrop:
    """The `size` x `size` pixels in the middle."""

    def __init__(self, size):
        self.size = check_int("CenterCrop", "size", size, 1)

    def __call__(self, image, generator):
        h, w = image.shape[:2]
        if min(h, w) < self.size:
            raise ValueError(f"CenterCrop: the image has {h}x{w} pixels, expected at least {self.size}x{self.size}")
        top, left = round((h - self.size) / 2), round((w - self.size) / 2)
        return image[top : top + self.size, left : left + self.size]

    def __repr__(self):
        return f"CenterCrop({self.size})"


class RandomCrop:
    """`size` x `size` pixels from anywhere in the image with `padding` black pixels around it."""

    def __init__(self, size, padding=0):
        self.size, self.padding = check_int("RandomCrop", "size", size, 1), check_int("RandomCrop", "padding", padding, 0)

    def __call__(self, image, generator):
        h, w, p = *image.shape[:2], self.padding
        if min(h, w) + 2 * p < self.size:
            raise ValueError(f"RandomCrop: the image has {h}x{w} pixels and {p} of padding, expected at least {self.size} of both together")
        top, left = generator.integers(0, (h + 2 * p - self.size + 1, w + 2 * p - self.size + 1)) - p
        out = np.zeros((self.size, self.size, image.shape[2]), image.dtype)
        inside = image[max(top, 0) : top + self.size, max(left, 0) : left + self.size]
        y, x = max(-top, 0), max(-left, 0)
        out[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
        return out

    def __repr__(self):
        return f"RandomCrop({self.size}, padding={self.padding})"


class RandomResizedCrop:
    """A part of the image with 8% to 100% of its area and an aspect ratio from 3/4 to 4/3, at `size` x `size`. (Paper, section 6)

    The ratio is uniform in its logarithm, as in torchvision. `interpolation` "random" draws one of the four each time, as the paper
    did. Ten attempts fail to fit only in very long images, of which the middle is taken."""

    def __init__(self, size, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), interpolation="bilinear"):
        self.size, self.scale, self.ratio = check_int("RandomResizedCrop", "size", size, 1), scale, ratio
        if interpolation not in ("random", *FILTERS):
            raise ValueError(f"RandomResizedCrop: `interpolation` is {interpolation!r}, expected random, {', '.join(FILTERS)}")
        self.interpolation = interpolation

    def __call__(self, image, generator):
        box = self.box(*image.shape[:2], generator)
        name = list(FILTERS)[generator.integers(len(FILTERS))] if self.interpolation == "random" else self.interpolation
        return resize(image, (self.size, self.size), name, box)

    def box(self, h, w, generator):
        """(top, left, height, width) of the part."""
        for _ in range(10):
            area = h * w * generator.uniform(*self.scale)
            ratio = math.exp(generator.uniform(*map(math.log, self.ratio)))
            height, width = round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio))
            if 0 < height <= h and 0 < width <= w:
                return (int(generator.integers(h - height + 1)), int(generator.integers(w - width + 1)), height, width)
        height, width = min(h, round(w / self.ratio[0])), min(w, round(h * self.ratio[1]))
        return (h - height) // 2, (w - width) // 2, height, width

    def __repr__(self):
        ratio = tuple(round(r, 3) for r in self.ratio)
        return f"RandomResizedCrop({self.size}, scale={self.scale}, ratio={ratio}, {self.interpolation!r})"


class RandomHorizontalFlip:
    """The mirror image, with probability `p`."""

    def __init__(self, p=0.5):
        self.p = check_real("RandomHorizontalFlip", "p", p, 0, 1)

    def __call__(self, image, generator):
        return image[:, ::-1] if generator.random() < self.p else image

    def __repr__(self):
        return f"RandomHorizontalFlip({self.p})"


class ColorJitter:
    """Brightness, contrast and saturation of an RGB image times factors from [1 - x, 1 + x], in random order. (Howard, arXiv 1312.5402)

    Each mixes the image with a duller one: black, its mean grey, its grey self. Values stay from 0 to 255."""

    def __init__(self, brightness=0.0, contrast=0.0, saturation=0.0):
        amounts = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        self.amounts = {name: check_real("ColorJitter", name, x, 0) for name, x in amounts.items()}

    def __call__(self, image, generator):
        image = image.astype(np.float32)
        for name in generator.permutation(list(self.amounts)):
            amount = self.amounts[name]
            if amount:
                factor = np.float32(generator.uniform(max(0.0, 1 - amount), 1 + amount))
                dull = self.dull(name, image)
                image = np.clip(dull + factor * (image - dull), 0, 255, dtype=np.float32)
        return image

    @staticmethod
    def dull(name, image):
        """What factor 0 makes of the image."""
        if name == "brightness":
            return np.float32(0)
        grey = image @ GREY
        return np.float32(grey.mean()) if name == "contrast" else grey[..., None]

    def __repr__(self):
        return f"ColorJitter({', '.join(f'{name}={x}' for name, x in self.amounts.items())})"


class Lighting:
    """Adds to all pixels the principal components of the data's colours, each times a random number with standard deviation `alpha_std`
    and the root of its eigenvalue. (Krizhevsky et al. 2012, section 4.1)

    eigenvalues [c] and eigenvectors [c, c] (a column each) of the covariance of the channels, from 0 to 255."""

    def __init__(self, alpha_std, eigenvalues, eigenvectors):
        self.alpha_std = check_real("Lighting", "alpha_std", alpha_std, 0)
        self.components = np.asarray(eigenvectors) * np.sqrt(eigenvalues)

    def __call__(self, image, generator):
        return image + (self.components @ generator.normal(0, self.alpha_std, len(self.components))).astype(np.float32)

    def __repr__(self):
        return f"Lighting({self.alpha_std})"


class Normalize:
    """(image - mean) / std for each channel, as float32; `mean` and `std` from 0 to 255."""

    def __init__(self, mean, std):
        self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        if not (self.std > 0).all() or self.mean.shape != self.std.shape:
            raise ValueError(f"Normalize: `mean` is {mean} and `std` {std}, expected as many of both, std above 0")

    def __call__(self, image, generator):
        return (image - self.mean) / self.std

    def __repr__(self):
        return f"Normalize({self.mean.round(2).tolist()}, {self.std.round(2).tolist()})"
