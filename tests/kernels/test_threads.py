"""No two threads touch the same memory: all drivers under ThreadSanitizer. `python -m pytest -m slow`

Needs clang with libomp and its tool Archer (Debian: clang libomp-dev): ThreadSanitizer alone does not understand OpenMP's barriers."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = sorted(Path(__file__).parent.glob("threads*.c"))
OTHERS = {  # functions that share no work between threads
    "mg_bf16_has_dot", "mg_int8_has_dot", "mg_region_hierarchy", "mg_region_hierarchy_scratch", "mg_sparse_panel", "mg_sparse_parts",
}  # fmt: skip


def test_every_driver_is_in_the_program():
    """threads.c, with threads_narrow.c, calls every function of minigoog*.h that is given a machine."""
    declared = "".join(path.read_text() for path in sorted((ROOT / "csrc").glob("minigoog*.h")))
    drivers = set(re.findall(r"\b(mg_\w+)\([^()]*machine\);", declared))
    called = set(re.findall(r"\b(mg_\w+)\(", "".join(path.read_text() for path in PROGRAM)))
    assert len(drivers) > 80 and drivers - called == OTHERS


@pytest.fixture(scope="module")
def archer():
    """The path of the tool; the clang of the same version is beside it."""
    found = [path for path in sorted(Path("/usr/lib").glob("llvm-*/lib/libarcher.so")) if clang_of(path)]
    if not found:
        pytest.skip("clang or libarcher is not installed: ThreadSanitizer did not run")
    return found[-1]


def clang_of(archer):
    return shutil.which("clang", path=archer.parents[1] / "bin")


def build(folder, sources, archer):
    """Compiles C sources with ThreadSanitizer; returns the program."""
    program = folder / "threads"
    flags = ["-g", "-O1", "-std=gnu11", "-fsanitize=thread", "-fopenmp", "-ffp-contract=fast", "-w", f"-I{ROOT / 'csrc'}"]
    subprocess.run([clang_of(archer), *flags, *map(str, sources), "-lm", "-o", str(program)], check=True, timeout=300)
    return program


def run(program, archer):
    settings = {"TSAN_OPTIONS": "ignore_noninstrumented_modules=1 exitcode=66", "OMP_TOOL_LIBRARIES": str(archer)}
    return subprocess.run([program], capture_output=True, text=True, timeout=300, env=os.environ | settings)


@pytest.mark.slow
def test_no_driver_has_a_race(tmp_path, archer):
    done = run(build(tmp_path, [*sorted((ROOT / "csrc").glob("*.c")), *PROGRAM], archer), archer)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "instruction set 3 ran" in done.stdout  # MG_PLAIN


@pytest.mark.slow
def test_a_planted_race_is_found(tmp_path, archer):
    source = tmp_path / "race.c"
    loop = "#pragma omp parallel for\nfor (int i = 0; i < 100000; i++) n += i;\n"
    source.write_text("int main(void) { long n = 0;\n" + loop + "return n == 1; }\n")
    done = run(build(tmp_path, [source], archer), archer)
    assert done.returncode == 66 and "data race" in done.stderr
