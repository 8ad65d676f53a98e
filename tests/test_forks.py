"""The child of a fork works, whatever other threads of its parent were doing, and never hangs.

Nothing here calls NumPy's BLAS (the algorithm im2col does): OpenBLAS hangs in a child if another thread was in it at the fork."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src/minigoog"
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

MAKE_LOCKS = re.compile(r"\b(R?Lock|Condition|\w*Semaphore|Event|Barrier|Thread|Timer|\w*Queue|\w*PoolExecutor|register_at_fork)\("
                        r"|@(cached_property)\b")
ALLOWED = {("locks.py", "RLock"), ("locks.py", "register_at_fork"),
           ("train/event_files.py", "Event"),  # of TensorBoard: a record
           ("parallel/launch.py", "Timer"),  # at the end of a process
           ("data/loader.py", "ThreadPoolExecutor"),  # the child of a fork leaves it alone, see below; the next ones are ended by one call
           *((file, "ThreadPoolExecutor") for file in ("data/verify.py", "features.py", "ops/lrn.py", "detection/proposals/search.py")),
           ("sparsity/accuracy/experiment.py", "cached_property"), ("sparsity/depth/experiment.py", "cached_property")}  # one thread


def test_all_locks_come_from_locks_py():
    """A lock made elsewhere would stay locked in the child if another thread held it."""
    made = set()
    for path in SOURCE.rglob("*.py"):
        made |= {(path.relative_to(SOURCE).as_posix(), "".join(names)) for names in MAKE_LOCKS.findall(path.read_text())}
    assert made == ALLOWED


PREPARE = """
import os, signal, sys, threading, numpy as np, minigoog as mg
from minigoog import kernels, locks, rng, writes
x, w = np.ones((4, 16, 16, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)
model = mg.nn.Sequential(mg.nn.Conv2d(32, 32, 3, padding=1), mg.nn.ReLU())
images = [(x[0], 0)] * 40
plan = mg.compile(model, x.shape) if kernels.native else lambda x: None
loader = mg.data.DataLoader(images, 4, num_workers=2)
mg.set_num_threads(2)

def everything(batches=None):
    plan(x)
    y = kernels.conv2d(x, w, padding=1)
    kernels.conv2d_weight(x, w.shape, y, padding=1)
    mg.ops.dropout(model(mg.Tensor(x)), 0.5).sum().backward()
    rng.generator().standard_normal(20_000)
    mg.set_num_threads(2)
    for images, _ in batches or loader.epoch():
        assert images.shape == (4, 16, 16, 32)

def in_child():
    signal.alarm(60)  # ends a child that hangs
    everything(batches)  # a loop that the parent has begun
    everything()
    assert mg.get_num_threads() == 1
    sys.exit(0)

def forked():
    child = os.fork()
    return child or in_child()

def begun():
    batches = loader.epoch()
    next(batches)
    return batches
"""

LOCKED = PREPARE + """
everything()
batches, held, done = begun(), threading.Event(), threading.Event()
generator_lock = rng.generator().bit_generator.lock
def hold():
    for lock in [*locks._locks, generator_lock]:
        lock.acquire()
    held.set()
    done.wait()
holder = threading.Thread(target=hold, daemon=True)
holder.start()
held.wait()
assert len(locks._locks) >= 3 + bool(kernels.native), "plan, rng, writes, machine"
status = os.waitpid(forked(), 0)[1]
done.set()
print("status", status)
"""

BUSY = PREPARE + """
done = threading.Event()
def busy():
    while not done.is_set():
        everything()
threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(FORKS):
    batches = begun()
    children = [forked() for _ in range(2)]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert statuses == [0, 0], statuses
done.set()
for thread in threads:
    thread.join()
print("status 0")
"""


def run(program):
    """Runs a Python program; nothing of it outlives the test."""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", program], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, errors = process.communicate(timeout=240)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the children too
        out, errors = process.communicate()
    return out.strip(), errors[-3000:]


def test_locks_that_another_thread_holds_are_free_in_the_child():
    out, errors = run(LOCKED)
    assert out == "status 0", (out, errors)


@pytest.mark.parametrize("forks", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_children_of_a_process_whose_threads_compute_finish(forks):
    out, errors = run(BUSY.replace("FORKS", str(forks)))
    assert out == "status 0", errors


AFTER_THREADS = """
import os, numpy as np, minigoog
minigoog.set_num_threads(2)
x, w = np.ones((4, 30, 30, 32), np.float32), np.ones((3, 3, 32, 32), np.float32)
expected = minigoog.kernels.conv2d(x, w)
children = []
for i in range(20):
    child = os.fork()
    if child == 0:
        IN_CHILD
        same = np.array_equal(minigoog.kernels.conv2d(x, w), expected)
        minigoog.kernels.conv2d_weight(x, w.shape, expected)
        os._exit(0 if same else 1)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 20
minigoog.kernels.conv2d(x, w)
print("status 0")
"""


@pytest.mark.parametrize("in_child", ["pass", "minigoog.set_num_threads(2)"], ids=["as they are", "asking for threads"])
def test_twenty_children_each_finish_a_convolution_after_the_parent_used_threads(native, in_child):
    """OpenMP's threads do not survive fork: a child that waits for them would hang for ever."""
    out, errors = run(AFTER_THREADS.replace("IN_CHILD", in_child))
    assert out == "status 0", errors
