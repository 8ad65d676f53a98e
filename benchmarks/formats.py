"""GoogLeNet in fewer bits, in minigoog and in its peers: contestants of googlenet.py, as in peers.py.

run.facts["format"] says in what numbers one computes. int8 plans and files are calibrated with eight images like those that are timed."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import peers
from peers import Run

CALIBRATION = 8


def minigoog(precision: str) -> Callable[[str, int, int], Run]:
    """This package, as a plan of this precision, or, in training, through the tape."""

    def contestant(task: str, batch: int, threads: int) -> Run:
        import minigoog as mg

        if task == "train":
            return with_facts(peers.minigoog(task, batch, threads, precision), precision)
        mg.set_num_threads(threads)
        settings = {"calibrate": peers.images(CALIBRATION)} if precision == "int8" else {}
        plan, x = mg.compile(peers.model(False), (batch, 224, 224, 3), precision=precision, **settings), peers.images(batch)
        return with_facts(lambda: plan(x), precision, packed_mib=plan.constant_bytes / 2**20)

    return contestant


def with_facts(run: Run, precision: str, **facts: Any) -> Run:
    """`run` with what worker.py reports of it."""

    def again() -> Any:
        return run()

    again.facts = {"format": precision} | facts  # type: ignore[attr-defined]
    return again


def quantized(batch: int) -> bytes:
    """The ONNX file in int8 as ONNX Runtime makes it: QDQ, unsigned maps, a scale for each output channel."""
    from onnx_googlenet import onnx_googlenet
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Images(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[Any] = iter(nchw(peers.images(CALIBRATION * batch)).reshape(CALIBRATION, batch, 3, 224, 224))

        def get_next(self) -> dict[str, Any] | None:
            x = next(self.left, None)
            return None if x is None else {"x": x}

    with tempfile.TemporaryDirectory() as folder:
        exact, coarse = Path(folder, "exact.onnx"), Path(folder, "int8.onnx")
        exact.write_bytes(onnx_googlenet(peers.model(False), batch))
        quantize_static(exact, coarse, Images(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8)
        return coarse.read_bytes()


def nchw(x: Any) -> Any:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def onnxruntime_int8(task: str, batch: int, threads: int) -> Run:
    """ONNX Runtime on that file."""
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = ort.InferenceSession(quantized(batch), settings, providers=["CPUExecutionProvider"])
    x = nchw(peers.images(batch))
    return with_facts(lambda: session.run(None, {"x": x})[0], "int8")


def openvino_int8(task: str, batch: int, threads: int) -> Run:
    """OpenVINO on that file."""
    return _openvino(quantized(batch), batch, threads, "int8")


def openvino_as_it_comes(task: str, batch: int, threads: int) -> Run:
    """OpenVINO with no word on precision: bfloat16 where the processor has it."""
    from onnx_googlenet import onnx_googlenet

    return _openvino(onnx_googlenet(peers.model(False), batch), batch, threads, None)


def _openvino(file: bytes, batch: int, threads: int, precision: str | None) -> Run:
    import openvino as ov

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    core = ov.Core()
    compiled = core.compile_model(core.read_model(file), "CPU", settings)
    request, x = compiled.create_infer_request(), nchw(peers.images(batch))
    hint = str(compiled.get_property("INFERENCE_PRECISION_HINT"))
    taken = "bf16" if "bfloat16" in hint else "float32"
    return with_facts(lambda: next(iter(request.infer({"x": x}, share_inputs=True).values())), precision or taken)


def torch_autocast(task: str, batch: int, threads: int) -> Run:
    """PyTorch with autocast to bfloat16, channels last."""
    if task == "train":
        return with_facts(peers.torch_channels_last_autocast(task, batch, threads), "bf16")
    import torch
    from torch_googlenet import torch_googlenet

    torch.set_num_threads(threads)
    network = torch_googlenet(peers.model(False)).to(memory_format=torch.channels_last)
    x = torch.from_numpy(nchw(peers.images(batch))).contiguous(memory_format=torch.channels_last)

    def run() -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            return network(x)[0].float().numpy()

    return with_facts(run, "bf16")


CONTESTANTS: dict[str, Callable[[str, int, int], Run]] = {
    "minigoog bf16": minigoog("bf16"),
    "minigoog int8": minigoog("int8"),
    "PyTorch autocast": torch_autocast,
    "ONNX Runtime int8": onnxruntime_int8,
    "OpenVINO as it comes": openvino_as_it_comes,
    "OpenVINO int8": openvino_int8,
}
