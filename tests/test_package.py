"""What users see of the package."""

import doctest
import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog import kernels


def after_importing(code):
    """What `code`, an expression, is in a new process after `import minigoog, sys`, as text."""
    program = f"import sys, minigoog; print({code})"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_every_public_name_exists_and_says_what_it_is():
    for name in mg.__all__:
        thing = getattr(mg, name)
        assert getattr(thing, "__doc__", None), name


def test_the_example_in_the_docstring_runs():
    assert doctest.testmod(mg).failed == 0


def test_the_version_is_that_of_the_metadata():
    from importlib.metadata import version

    assert version("minigoog") == mg.__version__


def test_importing_needs_nothing_but_numpy_and_cffi():
    """Optional packages are imported where they are used (docs/architecture.md)."""
    assert after_importing("[m for m in ('torch', 'matplotlib', 'PIL', 'sklearn', 'scipy') if m in sys.modules]") == "[]"


def test_importing_loads_neither_what_a_first_tensor_does_not_need_nor_slow_modules():
    late = ("minigoog.data", "minigoog.formats", "minigoog.inspection", "minigoog.loading", "minigoog.models", "numpy.random",
            "ssl", "http", "urllib.request", "concurrent.futures", "tarfile", "tempfile", "dataclasses", "importlib.resources")  # fmt: skip
    assert after_importing(f"[m for m in {late} if m in sys.modules]") == "[]"


def test_using_data_sets_loads_nothing_that_only_downloads_need():
    slow = ("ssl", "http", "urllib.request", "concurrent.futures", "tarfile")
    assert after_importing(f"len(minigoog.data.digits()), [m for m in {slow} if m in sys.modules]") == "2 []"


def test_each_public_name_is_found_on_first_use_and_stays_what_it_is():
    """Submodules have the names of functions (compile, gradcheck; trace and summary of inspection): none takes the place of one."""
    names = [*mg.__all__, "inspection"]
    kinds = str([type(getattr(mg, name)).__name__ for name in names])
    assert set(names) <= set(dir(mg))
    code = f"[type(getattr(minigoog, name)).__name__ for name in {names}]"
    assert after_importing(f"set({names}) <= set(dir(minigoog)), {code}, {code}, sep=' ~ '") == f"True ~ {kinds} ~ {kinds}"
    backwards = f"[type(getattr(minigoog, name)).__name__ for name in reversed({names})][::-1]"
    assert after_importing(f"__import__('minigoog.inspection.trace.trace') and {backwards}") == kinds


def test_a_star_import_brings_every_public_name():
    names = {}
    exec("from minigoog import *", names)
    assert set(mg.__all__) <= set(names)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'minigoog' has no attribute 'tensr'"):
        mg.tensr  # noqa: B018


def test_show_config_prints_the_facts(capsys):
    mg.show_config()
    text = capsys.readouterr().out
    for word in ("kernels", "instruction set", "threads", "BLAS", "NumPy", np.__version__):
        assert word in text
    if kernels.native:
        assert "native (C)" in text and kernels.native.machine.isa() in text
    with kernels.use("reference"):
        mg.show_config()
    assert "reference (NumPy)" in capsys.readouterr().out


def test_kernels_may_be_switched_and_come_back_even_after_an_error():
    before = kernels.backend
    with pytest.raises(ZeroDivisionError), kernels.use("reference"):
        assert kernels.conv2d is kernels.reference.conv2d
        1 / 0  # noqa: B018
    assert kernels.backend == before
    with pytest.raises(ValueError, match="`name` is 'cuda', expected one of reference"), kernels.use("cuda"):
        pass


def test_the_number_of_threads_is_what_was_set(threads, native):
    for n in (1, 3, 2):
        threads(n)
        assert mg.get_num_threads() == (n if native.machine.has_openmp() else 1)


def test_kernels_may_be_called_from_many_python_threads_at_once():
    """Kernels let other Python threads run (cffi): many at a time must compute what one does."""
    from concurrent.futures import ThreadPoolExecutor

    x, w = np.random.default_rng(0).standard_normal((2, 20, 20, 16)).astype(np.float32), np.ones((3, 3, 16, 32), np.float32)
    expected = kernels.conv2d(x, w)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(y, expected) for y in pool.map(lambda _: kernels.conv2d(x, w), range(64)))
