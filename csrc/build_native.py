"""Describes the extension module `minigoog._native` to cffi: its functions are those of minigoog*.h. Compiler flags: see setup.py."""

from pathlib import Path

import cffi

HERE = Path(__file__).parent

ffi = cffi.FFI()
for header in ("minigoog.h", "minigoog_sparse.h", "minigoog_regions.h"):
    ffi.cdef("".join(line for line in (HERE / header).read_text().splitlines(keepends=True) if not line.startswith("#")))
ffi.set_source(
    "minigoog._native",
    '#include "minigoog.h"',
    sources=sorted(f"csrc/{path.name}" for path in HERE.glob("*.c")),
    depends=sorted(f"csrc/{path.name}" for pattern in ("*.h", "*.inc") for path in HERE.glob(pattern)),
    include_dirs=["csrc"],
)
