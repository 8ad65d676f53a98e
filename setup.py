"""What pyproject.toml cannot express: how the C kernels are compiled, and that they are optional.

MINIGOOG_NATIVE=require makes a failed compilation an error, MINIGOOG_NATIVE=off skips it, MINIGOOG_DEBUG=1 builds with
assertions and sanitizers.
"""

import os
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Contraction lets the compiler fuse a * b + c, the basis of every kernel; clang does so only within one expression.
FLAGS = ["-std=gnu11", "-O3", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-psabi", "-fvisibility=hidden", "-ffp-contract=fast"]
DEBUG_FLAGS = ["-std=gnu11", "-O1", "-g", "-UNDEBUG", "-fno-wrapv", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined",
               "-Wno-unknown-pragmas", "-Wno-psabi", "-fno-omit-frame-pointer", "-ffp-contract=fast"]

FAILED = """
************************************************************************
minigoog: THE C KERNELS WERE NOT BUILT, so everything will run on the
slow NumPy kernels. A C compiler (gcc or clang) and the headers of
Python are needed. The compiler said:
    {error}
************************************************************************
"""


class BuildKernels(build_ext):
    """Compiles the kernels, with OpenMP if it is available; without a compiler, prints a warning and continues."""

    def build_extension(self, ext: Extension) -> None:
        native = os.environ.get("MINIGOOG_NATIVE", "auto")
        if native == "off":
            return
        debug = os.environ.get("MINIGOOG_DEBUG") == "1"
        openmp = ["-fopenmp"] if self.has_openmp() else []
        ext.extra_compile_args = (DEBUG_FLAGS if debug else FLAGS) + openmp
        ext.extra_link_args = openmp + (["-fsanitize=address,undefined"] if debug else [])
        ext.libraries = ["m"]
        try:
            super().build_extension(ext)
        except Exception as error:  # distutils, setuptools and the operating system raise different errors
            if native == "require":
                raise
            print(FAILED.format(error=error), file=sys.stderr)

    def get_outputs(self) -> list[str]:
        return [path for path in super().get_outputs() if Path(path).exists()]

    def copy_extensions_to_source(self) -> None:  # for an editable install: copies only what was built
        self.extensions = [ext for ext in self.extensions if Path(self.get_ext_fullpath(ext.name)).exists()
                           or Path(self.build_lib, self.get_ext_filename(self.get_ext_fullname(ext.name))).exists()]
        super().copy_extensions_to_source()

    def has_openmp(self) -> bool:
        """Whether a program with one OpenMP call compiles and links."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "openmp.c")
            source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
            try:
                objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=["-fopenmp"])
                self.compiler.link_executable(objects, str(Path(folder, "openmp")), extra_postargs=["-fopenmp"])
            except Exception:  # no OpenMP, or no compiler at all, which build_extension reports
                return False
        return True


free_threaded = hasattr(sys, "abiflags") and "t" in sys.abiflags
setup(
    cffi_modules=["csrc/build_native.py:ffi"],
    cmdclass={"build_ext": BuildKernels},
    options={} if free_threaded else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
