"""Train on a folder of images, then ask the trained model about one of them.

    python examples/train_on_your_images.py FOLDER        FOLDER/<class>/<image>: a folder for each class

Without FOLDER it draws a small one first: circles and squares. Needs Pillow (pip install '.[images]').
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import minigoog as mg
from minigoog.train import Config, fit


def draw(folder: Path, per_class: int = 40) -> None:
    """A data set of two classes, each image with a random place and colour."""
    rng = np.random.default_rng(0)
    for name in ("circle", "square"):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            image = Image.new("RGB", (24, 24))
            left, top, side = (int(v) for v in rng.integers((1, 1, 9), (10, 10, 13)))
            shape = ImageDraw.Draw(image).ellipse if name == "circle" else ImageDraw.Draw(image).rectangle
            shape((left, top, left + side, top + side), fill=tuple(int(v) for v in rng.integers(100, 256, 3)))
            image.save(folder / name / f"{i:03}.png")


with tempfile.TemporaryDirectory() as scratch:
    folder, run = Path(scratch, "images"), Path(scratch, "run")
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    else:
        draw(folder)

    fit(Config(model="small", norm=True, data=str(folder), size=24, augment="none", epochs=6, batch_size=16, output=str(run)))

    model = mg.load(run)  # in evaluation mode, with .classes and .preprocess
    path = next(folder.glob("*/*.png"))
    with mg.no_grad():
        scores = model(mg.Tensor(model.preprocess(path)))
    print(f"{path.parent.name}/{path.name} looks like a {model.classes[int(scores.numpy().argmax())]}")
