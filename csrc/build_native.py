"""Describes the extension module `minigoog._native` to cffi: its functions are those of minigoog*.h. Compiler flags: see setup.py."""

from collections.abc import Iterator
from pathlib import Path

import cffi

HERE = Path(__file__).parent


def declarations(header: str) -> Iterator[str]:
    """The lines of a header and of those that it includes, without the preprocessor's."""
    for line in (HERE / header).read_text().splitlines(keepends=True):
        if line.startswith('#include "'):
            yield from declarations(line.split('"')[1])
        elif not line.startswith("#"):
            yield line


ffi = cffi.FFI()
ffi.cdef("".join(declarations("minigoog.h")))
ffi.set_source(
    "minigoog._native",
    '#include "minigoog.h"',
    sources=sorted(f"csrc/{path.name}" for path in HERE.glob("*.c")),
    depends=sorted(f"csrc/{path.name}" for pattern in ("*.h", "*.inc") for path in HERE.glob(pattern)),
    include_dirs=["csrc"],
)
