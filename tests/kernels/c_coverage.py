"""Which lines and branches of csrc/ the kernel tests reach: `python -m tests.kernels.c_coverage` (gcc and its gcov).

Builds the kernels with counters in a temporary folder, runs the tests of kernels and plans on two threads, and prints a line per file.
Fails below the floors. What is compiled once per instruction set counts as reached if any set that this CPU has reaches it; the other
sets are left out. Assertions are compiled out: their failing branch must never be taken."""

import json
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from minigoog.kernels import native

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["-std=gnu11", "-O1", "-g", "-DNDEBUG", "-fPIC", "-fopenmp", "-ffp-contract=fast", "-w", "--coverage", "-fprofile-update=atomic"]
TESTS = ["tests/kernels", "tests/compile", *(f"tests/test_{name}.py" for name in (
    "plan", "compile", "compile_epilogues", "compile_own", "by_image", "strips", "saved_plan", "sparse_plan"))]  # fmt: skip
Counts = dict[tuple[Any, ...], int]  # how often something ran; the key begins with the name of its file
# Floors in percent; on AVX2 they are 99.7 and 71.1, and other instruction sets inline differently. Most of what is missing are copies of
# one activation in all others' rows and in each tile (3,000 branches of activation.inc, gemm_tile.inc and vec.inc).
LINES, BRANCHES = 98.0, 65.0


def build(folder: Path) -> None:
    """Puts a copy of the package with counters into `folder`/src."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("_native*", "__pycache__", "*.egg-info"))
    runpy.run_path(str(ROOT / "csrc/build_native.py"))["ffi"].emit_c_code(str(folder / "_native.c"))
    include = f"-I{ROOT / 'csrc'}", f"-I{sysconfig.get_path('include')}"

    def compiled(source: Path) -> None:
        subprocess.run(["gcc", *FLAGS, *include, "-c", source], cwd=folder, check=True)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compiled, [folder / "_native.c", *sorted((ROOT / "csrc").glob("*.c"))]))
    subprocess.run(["gcc", *FLAGS, "-shared", *folder.glob("*.o"), "-lm", "-o", folder / "src/minigoog/_native.abi3.so"], check=True)


def run_tests(folder: Path) -> None:
    """Runs the tests on the copy in `folder`, half of the files in each of two processes."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "MINIGOOG_NATIVE": "require", "OMP_NUM_THREADS": "2",
                                "HYPOTHESIS_PROFILE": "quick", "FUZZ_CALLS": "300"}
    where = subprocess.run([sys.executable, "-c", "import minigoog; print(minigoog._native.__file__)"], cwd=ROOT, env=environment,
                           capture_output=True, text=True).stdout
    assert str(folder) in where, f"the tests would run on {where or 'nothing'} instead of the copy with counters"
    files = sorted(path for name in TESTS for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).glob("test_*.py"))
                   if path.name != "test_digests.py")  # bits of the optimized build: gcc fuses multiply-adds from -O2 on
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    halves = [subprocess.Popen([*command, *files[i::2]], cwd=ROOT, env=environment) for i in range(2)]
    if sum(half.wait() for half in halves):  # sum, unlike any, waits for both
        sys.exit("tests failed: no coverage is reported")


def counts(folder: Path) -> tuple[Counts, Counts]:
    """How often each line and each branch ran: {(file, line): count}, {(file, line, index): count}.

    gcov counts the branches of a function wherever it is inlined, also those that are impossible there, because an argument is a
    constant: most of what is not reached in .inc files."""
    lines: Counts = defaultdict(int)
    branches: Counts = defaultdict(int)
    left_out = {f"isa_{isa}" for isa in native.machine.ISAS} - {f"isa_{isa}" for isa in native.machine.available_isas()}
    for notes in sorted(folder.glob("*.gcno")):
        if notes.stem in left_out or notes.stem == "_native":
            continue
        command = ["gcov", "--json-format", "--branch-probabilities", "--stdout", notes.name]
        told = subprocess.run(command, cwd=folder, check=True, capture_output=True)
        for file in json.loads(told.stdout)["files"]:
            name = Path(file["file"])
            if name.parent.name != "csrc":  # a header of the system
                continue
            for line in file["lines"]:
                lines[name.name, line["line_number"]] += line["count"]
                for i, branch in enumerate(line["branches"]):
                    branches[name.name, line["line_number"], i] += branch["count"]
    return lines, branches


def reached(found: Counts, file: str | None = None) -> tuple[int, int]:
    """How many of the counters (of one file) are not zero, and how many there are."""
    chosen = [count for key, count in found.items() if file in (None, key[0])]
    return sum(count > 0 for count in chosen), len(chosen)


def share(part: int, all_of_them: int) -> float:
    return 100 * part / max(all_of_them, 1)


def report(lines: Counts, branches: Counts) -> bool:
    """Prints the table; returns whether both totals reach their floors."""
    print(f"{'csrc, ' + ', '.join(native.machine.available_isas()):28}{'lines':>8}{'%':>7}{'branches':>11}{'%':>7}")
    for file in [*sorted({file for file, _ in lines}), None]:
        of_lines, of_branches = reached(lines, file), reached(branches, file)
        print(f"{file or 'all':28}{of_lines[1]:8}{share(*of_lines):7.1f}{of_branches[1]:11}{share(*of_branches):7.1f}")
    return share(*reached(lines)) >= LINES and share(*reached(branches)) >= BRANCHES


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(folder)
        run_tests(folder)
        if not report(*counts(folder)):
            sys.exit(f"less than {LINES}% of the lines or {BRANCHES}% of the branches are reached")


if __name__ == "__main__":
    main()
