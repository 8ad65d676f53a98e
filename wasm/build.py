"""Builds the C kernels for WebAssembly: src/minigoog/inspection/page/web/network/kernels.wasm, which the page carries.

    python wasm/build.py [FILE]        with the packages of Debian 12 in NEEDS

The source is csrc/ as it is, without OpenMP. The same compiler gives the same bytes in any folder, so they are in the repository, and
tests/inspection/page/test_module.py compares them with those of a new build."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULE = ROOT / "src" / "minigoog" / "inspection" / "page" / "web" / "network" / "kernels.wasm"
COMPILER = "clang-14"
NEEDS = ("clang-14", "lld-14", "wasi-libc", "libclang-rt-14-dev-wasm32")
EXPORTS = ("mg_run_plan", "mg_plan_scratch", "mg_pack_weights", "mg_panels_size", "mg_winograd_pack", "mg_flip_weights", "mg_conv2d_direct",
           "mg_peak", "__heap_base")
FLAGS = [
    "--target=wasm32-wasi", "-O3", "-msimd128", "-std=gnu11", "-DNDEBUG", "-ffp-contract=fast", "-fvisibility=hidden", "-Wno-psabi",
    "-mexec-model=reactor",  # no main: _initialize, then any function
    "-Wl,--strip-all", "-Wl,-z,stack-size=1048576", "-Wl,--stack-first",  # a stack that overflows ends the run, and overwrites nothing
]  # fmt: skip


def build(output: Path) -> None:
    """Compiles all of csrc to `output`; CalledProcessError or FileNotFoundError if the compiler fails or is missing."""
    sources = sorted(path.name for path in (ROOT / "csrc").glob("*.c"))
    exports = [f"-Wl,--export={name}" for name in EXPORTS]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "kernels.wasm")
        subprocess.run([COMPILER, *FLAGS, *exports, "-o", str(made), *sources], cwd=ROOT / "csrc", check=True)
        output.write_bytes(made.read_bytes())


def main() -> None:
    """Builds the module, or says what is missing."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else MODULE
    try:
        build(output)
    except FileNotFoundError:
        sys.exit(f"wasm/build.py: there is no {COMPILER} here; Debian: apt-get install {' '.join(NEEDS)}")
    except subprocess.CalledProcessError:
        sys.exit("wasm/build.py: the compiler failed, see above")
    print(f"{output}: {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
