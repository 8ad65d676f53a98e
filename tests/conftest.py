"""What all tests share: the seed, how many cases hypothesis draws, and one run of a module for each instruction set of this CPU.

HYPOTHESIS_PROFILE=thorough draws 2,000 cases per test; quick, for emulated or instrumented kernels, draws 8. Tests marked `slow` run only
when `-m` asks for them."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

import minigoog
from minigoog import kernels

HEALTH = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.differing_executors]
settings.register_profile("default", max_examples=32, deadline=None, suppress_health_check=HEALTH, derandomize=True)
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=8)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=HEALTH)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

NO_KERNELS = "the C kernels are not in use (MINIGOOG_NATIVE=off, or not built): nothing here was tested"


def pytest_collection_modifyitems(config, items):
    if config.getoption("-m"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with -m slow"))


@pytest.fixture(autouse=True, scope="session")
def kernels_are_what_was_asked_for():
    """MINIGOOG_NATIVE=require must not be satisfied by the NumPy kernels."""
    if os.environ.get("MINIGOOG_NATIVE") == "require":
        assert kernels.backend == "native"


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_not_ignored():
    """A shell without job control starts background jobs with SIGINT ignored, and their children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def plans_use_all_threads():
    """Whatever else the machine does: tests of threads want them all."""
    if kernels.native is not None:
        kernels.native.crowding.FEW = float("inf")


@pytest.fixture(autouse=True)
def seed():
    minigoog.manual_seed(0)


@pytest.fixture(scope="module", params=kernels.native.machine.available_isas() if kernels.native else ["none"])
def isa(request):
    """Each instruction set that this CPU has, in turn. Module scope: hypothesis refuses fixtures of function scope."""
    if kernels.native is None:
        pytest.skip(NO_KERNELS)
    before = kernels.native.machine.isa()
    kernels.native.machine.set_isa(request.param)
    yield request.param
    kernels.native.machine.set_isa(before)


@pytest.fixture(scope="module")
def native():
    """The package of C kernels."""
    if kernels.native is None:
        pytest.skip(NO_KERNELS)
    return kernels.native


@pytest.fixture
def threads():
    """A function that sets the number of threads; afterwards it is what it was."""
    before = minigoog.get_num_threads()
    yield minigoog.set_num_threads
    minigoog.set_num_threads(before)


@pytest.fixture
def pool(native, monkeypatch):
    """The kernels' memory, with a pool of this test's own: arrays that earlier tests of the process left alive are not counted."""
    own = native.workspace.Pool()
    for name, method in {"empty": own.empty, "pooled_bytes": own.bytes, "release": own.release}.items():
        monkeypatch.setattr(native.workspace, name, method)
    return native.workspace
