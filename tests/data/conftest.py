"""Folders of images."""

import pytest

from .generated import write_image


@pytest.fixture
def parts(tmp_path):
    """Folders train and test, each with two images of a cat and of a dog."""
    for name in ("train/cat", "train/dog", "test/cat", "test/dog"):
        for k in range(2):
            write_image(tmp_path / name / f"{k}.png", k)
    return tmp_path
