"""The number of threads and the instruction set may change at any moment: a kernel call uses those it has read once.

See also test_guard_pages.py, where both change before every look at them, and test_threads.py."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels
from minigoog.kernels.sparse_pattern import SparsePattern
from tests.kernels.judge import changing
from tests.strategies import numbers

ROOT = Path(__file__).resolve().parents[2]
NATIVE = sorted((ROOT / "src/minigoog/kernels/native").glob("*.py"))
HEADER = "".join(path.read_text() for path in sorted((ROOT / "csrc").glob("minigoog*.h")))
ALIKE_EVERYWHERE = {"mg_batch_norm_scratch", "mg_column_sums_scratch", "mg_depthwise_weight_scratch", "mg_strip_rows"}  # on all machines
NO_ARITHMETIC = {"mg_has_isa", "mg_has_openmp", "mg_default_threads"}


def functions():
    """All functions of native/ that call C."""
    nodes = [node for path in NATIVE for node in ast.walk(ast.parse(path.read_text()))]
    return [node for node in nodes if isinstance(node, ast.FunctionDef) and "lib.mg_" in ast.unparse(node)]


def test_every_function_of_c_takes_the_machine_last():
    declared = re.findall(r"^\w[\w ]*\*?(mg_\w+)\(([^)]*)\);", HEADER, re.M)
    assert len(declared) > 45
    for name, arguments in declared:
        takes = arguments.endswith("const struct mg_machine *machine")
        assert takes != (name in ALIKE_EVERYWHERE | NO_ARITHMETIC), name


@pytest.mark.parametrize("path", sorted((ROOT / "csrc").glob("*.*")), ids=lambda p: p.name)
def test_no_variable_of_c_outlives_a_call(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    assert not re.findall(r"^\s*static (?!inline)(?!.*\bconst\b)[^(=;]*[=;].*", text, re.M)
    assert not re.findall(r"^(?!static|extern|typedef|return|const|enum|#)\w[\w ]*[ *]\w+(?:\[.*\])?(?: = .*)?;$", text, re.M)


@pytest.mark.parametrize("function", functions(), ids=lambda node: node.name)
def test_a_function_looks_at_the_machine_once(function):
    """What it measures or packs, it runs with the same machine."""
    text = ast.unparse(function)
    assert text.count("machine.current()") <= 1
    assert "machine.threads(" not in text and "machine.isa(" not in text


def results():
    x, w, dy = numbers(0, (4, 9, 9, 32)), numbers(1, (3, 3, 32, 33)), numbers(2, (4, 9, 9, 33))
    settings = {"padding": 1}
    for algorithm in ("im2col", "direct", "winograd"):
        yield kernels.conv2d(x, w, numbers(3, (33,)), algorithm=algorithm, **settings)
        yield kernels.conv2d_input(x.shape, w, dy, algorithm=algorithm, **settings)
        yield kernels.conv2d_weight(x, w.shape, dy, algorithm=algorithm, **settings)
    for block in (1, 16):
        settings["pattern"] = pattern = SparsePattern.from_mask(w > 0, block)
        values = numbers(4, pattern.values_shape)
        yield kernels.sparse_conv2d(x, values, **settings)
        yield kernels.sparse_conv2d_input(x.shape, values, dy, **settings)
        yield kernels.sparse_conv2d_weight(x, pattern, dy, padding=1)


def test_a_machine_that_changes_at_every_look_does_not_change_results(native, monkeypatch):
    expected = list(results())
    monkeypatch.setattr(native.machine, "current", changing(native))
    for _ in range(5):
        for y, right in zip(results(), expected, strict=True):
            assert np.abs(y - right).max() < 2e-5 * np.abs(right).max()


def test_a_plan_whose_function_asks_for_more_threads_keeps_the_threads_of_its_start(native, threads):
    """A run keeps the number of threads that it began with."""

    class More(mg.Op):
        def forward(self, x):
            threads(16)
            return -x

    class Net(mg.nn.Module):
        def __init__(self):
            self.first, self.second = (mg.nn.Conv2d(32, 32, 3, padding=1) for _ in range(2))

        def forward(self, x):
            return self.second(More()(self.first(x)))

    model, x = Net(), numbers(0, (4, 24, 24, 32))
    plan = mg.compile(model, x.shape)
    for _ in range(2):
        threads(1)
        y = plan(x)
    with mg.no_grad():
        assert np.array_equal(y, model(mg.Tensor(x)).data)


CHANGED = """
import threading, numpy as np, minigoog as mg
x, dy = np.ones((8, 12, 12, 32), np.float32), np.ones((8, 12, 12, 32), np.float32)
plan, done = mg.compile(mg.nn.Conv2d(32, 32, 3, padding=1), x.shape), threading.Event()
def change():
    while not done.is_set():
        mg.set_num_threads(1)
        mg.set_num_threads(16)
changer = threading.Thread(target=change)
changer.start()
dw, y = mg.kernels.conv2d_weight(x, (3, 3, 32, 32), dy, padding=1, algorithm="direct"), plan(x)
for _ in range(25):
    assert np.array_equal(mg.kernels.conv2d_weight(x, (3, 3, 32, 32), dy, padding=1, algorithm="direct"), dw)
    assert np.array_equal(plan(x), y)
done.set()
changer.join()
print("all right")
"""


def test_threads_may_be_set_while_another_thread_computes(native):
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", CHANGED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "all right" in done.stdout, f"exit code {done.returncode}\n{done.stderr[-3000:]}"


def test_the_machine_of_a_plan_is_the_one_its_weights_were_packed_for(native, monkeypatch):
    monkeypatch.setattr(native.machine, "current", changing(native))
    for _ in range(8):
        plan, x = mg.compile(mg.nn.Conv2d(8, 40, 1), (1, 4, 4, 8)), np.ones((1, 4, 4, 8), np.float32)
        try:
            y = plan(x)
        except RuntimeError as error:
            assert "compile again" in str(error)  # the instruction set changed between compile() and the run
        else:
            assert np.ptp(y, axis=(0, 1, 2)).max() == 0


def test_python_and_c_agree_on_the_names_and_limits(native):
    lib = native.machine.lib
    assert [getattr(lib, f"MG_{name.upper()}") for name in native.machine.ISAS] == list(range(lib.MG_ISAS))
    assert lib.MG_MAX_THREADS == kernels.MOST_THREADS


def test_a_thread_may_leave_most_threads_to_others(native, threads):
    threads(3)
    with native.machine.at_most(2):
        found = [mg.get_num_threads()]
        for n in (1, 5):
            threads(n)
            found.append(mg.get_num_threads())
    assert found == [2, 1, 2] and mg.get_num_threads() == 5
