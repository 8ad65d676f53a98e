"""Eighteen classic networks, nine of them through two exporters, against ONNX Runtime. Slow: gigabytes of files, minutes.

The files are written by benchmarks/zoo_files.py into the folder MINIGOOG_ZOO, or else a temporary one; without PyTorch only what is there
and the graphs of the package onnx are tried."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks import zoo_files
from minigoog import compile, importing
from minigoog.formats import onnx as reader

from .judge import TOLERANCE, distance, onnxruntime_results, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return Path(os.environ.get("MINIGOOG_ZOO") or tmp_path_factory.mktemp("zoo"))


@pytest.mark.parametrize("name", zoo_files.names())
def test_an_imported_network_and_its_plan_give_the_results_of_onnx_runtime(folder, name):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    if not name.startswith("light_") and not (folder / f"{name}.onnx").exists():
        pytest.importorskip("torchvision")
    path = zoo_files.write(folder, name)
    x = zoo_files.random_images((1, 3, zoo_files.size(name), zoo_files.size(name)))
    (expected,) = onnxruntime_results(str(path), x)
    assert expected.std() > 0.01 * np.abs(expected).max()  # a constant answer does not count
    network = importing.network(reader.load(path))
    ours = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    assert distance(run(network, x)[0], expected) < TOLERANCE
    assert distance(compile(network, ours.shape)(ours), expected) < TOLERANCE
