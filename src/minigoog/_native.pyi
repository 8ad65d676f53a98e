"""The C extension that cffi builds from csrc/: `lib` holds the functions of minigoog.h, `ffi` makes and reads C data."""

from typing import Any

ffi: Any
lib: Any
