"""The machine code of the tile of bytes: gcc 12 writes accumulators to the stack in each step if they are declared as __m512i."""

import re
import shutil
import subprocess

import pytest

from minigoog import _native

SYMBOL = "int8_tile_fullx2_avx512vnni"
TILE = 14 * 2  # sums: pixels x vectors


def innermost_loop(text):
    """The shortest loop with vpdpbusd in a listing of objdump: its instructions."""
    found = [(int(at, 16), what) for at, what in re.findall(r"^\s+([0-9a-f]+):\s+(.*?)\s*$", text, re.M)]
    numbers = {at: i for i, (at, _) in enumerate(found)}
    backward = [(numbers[int(to[1], 16)], i) for i, (at, what) in enumerate(found)
                if (to := re.match(r"j\w+\s+([0-9a-f]+)", what)) and numbers.get(int(to[1], 16), i) < i]
    loops = [[what for _, what in found[start : end + 1]] for start, end in backward]
    return min((loop for loop in loops if any("vpdpbusd" in what for what in loop)), key=len)


def test_the_inner_loop_of_vnni_has_no_sum_on_the_stack():
    if shutil.which("objdump") is None:
        pytest.skip("needs objdump")
    command = ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={SYMBOL}", _native.__file__]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if f"<{SYMBOL}>:" not in text:
        pytest.skip("the module has no such kernel, or no names of its functions")
    if any(what in text for what in ("__asan", "__ubsan", "__gcov")):
        pytest.skip("built for tests, not for speed")
    loop = innermost_loop(text)
    assert sum("vpdpbusd" in what for what in loop) == TILE
    assert [what for what in loop if "zmm" in what and re.search(r"%r[sb]p", what)] == []
