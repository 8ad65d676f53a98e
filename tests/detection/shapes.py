"""A small world for detectors: pictures of discs and squares of two colours, and a small network with random weights."""

import numpy as np
from PIL import Image

import minigoog as mg
from minigoog import models
from minigoog.formats.saved_model import Info, save

HEIGHT, WIDTH = 96, 128
COLOURS = {"disc": (200, 60, 40), "square": (40, 90, 200)}


def picture(r):
    """(pixels, [(class, (left, top, right, bottom)), ...]), by VOC's convention."""
    image = np.clip(r.normal(190, 6, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    found = []
    for place in range(3):  # each in a third of its own
        side = int(r.integers(20, 34))
        x, y = place * 42 + int(r.integers(2, 41 - side)), int(r.integers(2, HEIGHT - side - 2))
        name = list(COLOURS)[int(r.integers(2))]
        inside = (rows >= y) & (rows < y + side) & (columns >= x) & (columns < x + side)
        if name == "disc":
            inside &= (rows - y - side / 2 + 0.5) ** 2 + (columns - x - side / 2 + 0.5) ** 2 <= (side / 2) ** 2
        image[inside] = COLOURS[name]
        found.append((name, (x + 1, y + 1, x + side, y + side)))
    return image, found


def voc(folder, n=4, seed=0):
    """A folder of Pascal VOC with `n` pictures; the list `train` has all but the last."""
    from tests.detection.files import xml

    r = np.random.default_rng(seed)
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for i in range(n):
        image, found = picture(r)
        Image.fromarray(image).save(folder / f"JPEGImages/{i}.png")
        (folder / f"Annotations/{i}.xml").write_text(xml([(name, box, 0) for name, box in found], (HEIGHT, WIDTH)))
    (folder / "ImageSets/Main/train.txt").write_text("".join(f"{i}\n" for i in range(n - 1)))
    (folder / "ImageSets/Main/test.txt").write_text(f"{n - 1}\n")
    return folder


def weights(path):
    """A classifier of 32x32 pixels, in a file."""
    mg.rng.manual_seed(3)
    arguments = {"num_classes": 10, "in_channels": 3}
    model = models.build("small", **arguments)
    info = Info("small", arguments, tuple("abcdefghij"), (32, 32, 3), (120.0, 120.0, 120.0), (60.0, 60.0, 60.0), {})
    save(path, model.state_dict(), info)
    return path
