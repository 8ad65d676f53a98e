"""Peers that need an environment of their own (googlenet.py --peer-python): GoogLeNet from an ONNX file, without minigoog.

Each is a function (path, batch, threads), as in file_peers.py; the input of the file is "x", NCHW."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], Any]


def images(batch: int) -> Any:
    """The same images as those of peers.py, NCHW."""
    x = np.random.default_rng(0).standard_normal((batch, 224, 224, 3), np.float32)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def of_file(path: str, run: Run) -> Run:
    """`run` with what worker.py reports of it: in what numbers the file computes, after which it is called."""
    run.facts = {"format": Path(path).stem}  # type: ignore[attr-defined]
    return run


def deepsparse(path: str, batch: int, threads: int) -> Run:
    """DeepSparse, which needs NumPy 1 (evaluation licence, discontinued)."""
    from deepsparse import compile_model

    engine, x = compile_model(path, batch_size=batch, num_cores=threads), images(batch)
    return of_file(path, lambda: engine.run([x])[0])


def onnxruntime(path: str, batch: int, threads: int) -> Run:
    """The ONNX Runtime of that environment."""
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session, x = ort.InferenceSession(path, settings, providers=["CPUExecutionProvider"]), images(batch)
    return of_file(path, lambda: session.run(None, {"x": x})[0])


CONTESTANTS: dict[str, Callable[[str, int, int], Run]] = {"DeepSparse": deepsparse, "ONNX Runtime": onnxruntime}
