"""Plans in files.

A file begins with MAGIC and a line of two numbers, the length and the checksum of the header. The header is JSON: the instruction set,
the input shapes, and for each the calls, as kernels/native/described.py writes them. The packed weights follow at a multiple of PAGE bytes,
as they are in memory, so that they are mapped and not read. A file is not trusted: bounds.py checks every call before C sees it."""

import json
import mmap
import os
import zlib
from collections import namedtuple
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..array_types import Array
from ..checks import check_shape
from ..files import atomic_write
from ..reading import LONGEST_JSON, DamagedFile, json_value, known_kind, open_regular, reading
from .building import Results, Version
from .lowering import ALGORITHMS, Recipe
from .precision import PRECISIONS

MAGIC = b"minigoog plan\n"
FORMAT = 4  # of the header and of packed weights; tests/test_saved_plan.py says when it has to change
PAGE = 4096  # bytes; of a header's line 64 less
LINE = 64 - len(MAGIC)
MOST_OUTPUTS = 64
WRONG, ADVICE = "not a plan that can be used here", "compile the model again, and save that plan"


class Parts(NamedTuple):
    """What a Plan consists of. machine: struct mg_machine."""

    versions: list[Version]
    output_type: Results
    recipe: Recipe
    machine: Any


def save(plan: Parts, path: str | os.PathLike[str]) -> None:
    """Writes a plan to a file, all of it or nothing."""
    for step in (step for version in plan.versions for step in version.program.calls):
        if step.algorithm == "NumPy":
            raise ValueError(f"plan.save: the step {step.name or step.kind} runs in Python ({step.kind}), which a file cannot hold")
    constants = max((version.program.constants for version in plan.versions), key=len).view(np.uint8)
    header = json.dumps(_header(plan, constants), separators=(",", ":")).encode()
    if len(header) > LONGEST_JSON:
        raise ValueError(f"plan.save: a description of {len(header)} bytes, expected at most {LONGEST_JSON}: fewer input shapes")
    with atomic_write(path) as file:
        file.write(enveloped(header))
        file.write(constants.data)


def enveloped(header: bytes) -> bytes:
    """The start of a file, before the packed weights."""
    start = MAGIC + f"{len(header)} {zlib.crc32(header)}".encode().ljust(LINE - 1) + b"\n" + header
    return start + bytes(-len(start) % PAGE)


def _header(plan: Parts, constants: Array) -> dict[str, Any]:
    native = kernels.native
    return {
        "format": FORMAT, "isa": native.machine.isa_of(plan.machine), "threads": plan.machine.threads, "output": _output(plan.output_type),
        "algorithm": plan.recipe.algorithm, "tune": plan.recipe.tune, "sparse": plan.recipe.sparse,
        "precision": plan.recipe.precision, "calibrated": plan.recipe.calibrated, "note": plan.recipe.note,
        "constants": constants.size, "checksum": _checksum(constants),
        "versions": [
            {"input": one.input_shape, "outputs": one.output_shapes, "choices": one.choices, "calls": one.program.described()}
            for one in plan.versions
        ],
    }  # fmt: skip


def _output(output_type: Results) -> list[str] | None:
    """The name of a tuple and those of its fields; None for a single array."""
    return None if output_type is None else [output_type.__name__, *getattr(output_type, "_fields", ())]


def load(path: str | os.PathLike[str]) -> Parts:
    """The parts of the plan in a file, its packed weights mapped into memory."""
    with reading(path, WRONG, ADVICE):
        header, constants = _opened(path)
        machine = _machine(path, header)
        versions = [_version(one, constants, machine) for one in header["versions"]]
        recipe = _recipe(header, versions)
        return Parts(versions, _output_type(header["output"], len(versions[0].output_shapes)), recipe, machine)


def _recipe(header: dict[str, Any], versions: list[Version]) -> Recipe:
    algorithm, precision, note = header["algorithm"], header["precision"], header["note"]
    switches = [header["tune"], header["sparse"], header["calibrated"]]
    suits = algorithm in ALGORITHMS and precision in PRECISIONS and isinstance(note, str) and note.isprintable()
    if not versions or not suits or not all(isinstance(switch, bool) for switch in switches):
        raise ValueError("its settings are none of compile's")
    tune, sparse, calibrated = switches
    return Recipe(tuple(version.input_shape for version in versions), algorithm, tune, sparse, precision, None, calibrated, note)


def _opened(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Array]:
    """The header and the packed weights."""
    with open_regular(path) as file:
        start = file.read(len(MAGIC) + LINE)
        if not start.startswith(MAGIC):
            raise DamagedFile(f"{path}: {WRONG}: it is {known_kind(start[:16]) or 'something else'}, expected a file of Plan.save")
        length, checksum = map(int, start[len(MAGIC) :].split())
        if not 0 <= length <= LONGEST_JSON:
            raise ValueError(f"{length} bytes of description, expected at most {LONGEST_JSON}")
        text = file.read(length)
        if len(text) != length or zlib.crc32(text) != checksum:
            raise ValueError("its description is damaged")
        header = json_value(text, dict)
        if header["format"] != FORMAT:
            raise ValueError(f"it has format {str(header['format'])[:20]}, and this version of minigoog has {FORMAT}")
        first, n = -(-(len(start) + length) // PAGE) * PAGE, header["constants"]
        size = os.fstat(file.fileno()).st_size
        if type(n) is not int or n < 0 or n % 64 or size != first + n:
            raise ValueError(f"{size} bytes, expected {first} and {str(n)[:20]} of packed weights")
        if n == 0:
            return header, np.empty(0, np.float32)
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    found = np.frombuffer(mapped, np.uint8, n, first)
    if _checksum(found) != header["checksum"]:
        raise ValueError("its packed weights are damaged")
    return header, found.view(np.float32)


def _checksum(data: NDArray[Any]) -> int:
    """Of bytes: the CRC of sums over all pages, number by number, which takes an eighth of the time of the CRC of all of it."""
    whole = data.size - data.size % PAGE
    sums = data[:whole].view("<u8").reshape(-1, PAGE // 8).sum(axis=0, dtype="<u8")
    return zlib.crc32(data[whole:].data, zlib.crc32(sums.tobytes()))


def _machine(path: str | os.PathLike[str], header: dict[str, Any]) -> Any:
    """The machine that a plan is for, as struct mg_machine; DamagedFile if the kernels do not use its instruction set."""
    machine, isa, threads = kernels.native.machine, header["isa"], header["threads"]
    if isa not in machine.ISAS or type(threads) is not int or not 1 <= threads <= 1024:
        raise ValueError("it is for no known machine")
    if isa != machine.isa():
        raise DamagedFile(f"{path}: {WRONG}: it is for {isa}, and the kernels use {machine.isa()} here; {ADVICE}")
    return machine.new(isa, threads)


def _version(found: dict[str, Any], constants: Array, machine: Any) -> Version:
    """A version of a plan, whose calls have been checked."""
    native = kernels.native
    shape, outputs = check_shape("load_plan", "input", found["input"], 4), [_shape(given) for given in found["outputs"]]
    if not 0 < len(outputs) <= MOST_OUTPUTS:
        raise ValueError(f"{len(outputs)} outputs")
    calls, c_calls = native.described.restored(found["calls"])
    areas = native.bounds.Areas(constants.size, _size(shape), [_size(given) for given in outputs])
    native.bounds.check(c_calls, len(calls), areas, constants, shape[0], machine)
    choices = [(str(algorithm), str(why)) for algorithm, why in found["choices"]]
    return Version(shape, outputs, native.program.Program.ready(machine, calls, c_calls, constants, areas), choices)


def _shape(given: Any) -> tuple[int, ...]:
    if not isinstance(given, list) or len(given) > 8:
        raise ValueError("an output of no shape")
    return check_shape("load_plan", "outputs", given, len(given))


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for n in shape:
        size *= n
    if size >= 1 << 40:
        raise ValueError(f"a map of {size} floats")
    return size


def _output_type(given: Any, n: int) -> Results:
    """A tuple type with the fields of the one that was saved."""
    if given is None and n == 1:
        return None
    name, *fields = given
    if not fields:
        return tuple
    if len(fields) != n or not all(isinstance(word, str) and len(word) < 100 for word in given):
        raise ValueError(f"{n} outputs with {len(fields)} names")
    return namedtuple(name, fields)  # ValueError for what is no name
