"""The floors of the house (DESIGN.md): who may import whom, who may hold vectors and threads, and that twins stay twins."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minigoog import kernels
from minigoog.kernels import reference

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "minigoog"

FLOORS = {  # a room: its floor. A room imports rooms on lower floors, or its own files.
    "array_types": 0, "checks": 0, "cli": 0, "text": 0, "rng": 0.5, "files": 0, "kernels": 1, "config": 1.5, "tape": 2, "tensor": 2.1, "op": 2.2,
    "ops": 3, "gradcheck": 3, "compile": 3, "nn": 4, "optim": 4, "losses": 4, "metrics": 4, "models": 5, "data": 5, "formats": 5,
    "train": 6, "evaluate": 6, "detection": 6, "sparsity": 6, "inspection": 6,
}
OPTIONAL = {"matplotlib", "PIL", "torch", "mpi4py", "onnx", "onnxruntime", "openvino", "sklearn", "scipy", "skimage", "h5py"}
TENSORS = {"tape", "tensor", "op", "ops", "gradcheck", "nn", "optim", "losses", "models"}  # what data/ and formats/ know nothing of


def files():
    return [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


def room_of(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path):
    """(dotted module, at the top level of the file) of everything that a file imports; `from . import a` is a module too."""
    tree = ast.parse(path.read_text(), str(path))
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)}
    package = ["minigoog", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join(above + ([node.module] if node.module else []))
            names = [f"{module}.{alias.name}" for alias in node.names] if module.count(".") == 0 and node.level else [module]
            yield from ((name, id(node) not in inside) for name in names)


def rooms_imported(path):
    """The rooms of minigoog that a file imports, its own aside. Constants of the package itself (__version__) are in no room."""
    names = [name.split(".")[1] for name, _ in imports(path) if name.startswith("minigoog.")]
    return {name for name in names if name != room_of(path) and not name.startswith("__")}


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_room_imports_only_rooms_on_lower_floors(path):
    room = room_of(path)
    assert room in FLOORS, f"{room} is not in DESIGN.md: say on which floor it is"
    for other in rooms_imported(path) - {"_native"}:
        assert FLOORS[other] < FLOORS[room], f"{path.relative_to(ROOT)} (floor {FLOORS[room]}) imports {other} (floor {FLOORS[other]})"


def test_the_rule_about_floors_would_notice_an_import_upwards(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / "kernels" / "native").mkdir(parents=True)
    bad = tmp_path / "kernels" / "native" / "bad.py"
    for text in ("from ... import nn", "from ...nn import Conv2d", "from minigoog.nn.conv import Conv2d",
                 "import minigoog.nn", "def f():\n    from ... import nn"):
        bad.write_text(text)
        assert rooms_imported(bad) == {"nn"}, text


def test_the_tape_imports_nothing():
    assert list(imports(SOURCE / "tape.py")) == []


def test_only_the_native_kernels_import_the_extension():
    for path in files():
        if any(name.split(".")[:2] == ["minigoog", "_native"] for name, _ in imports(path)):
            assert path.is_relative_to(SOURCE / "kernels" / "native"), path


def test_the_reference_kernels_know_nothing_of_the_native_ones():
    for path in (SOURCE / "kernels" / "reference").glob("*.py"):
        assert not any("native" in name for name, _ in imports(path)), path


def test_data_and_formats_know_no_tensor():
    for path in files():
        if room_of(path) in ("data", "formats"):
            assert not rooms_imported(path) & TENSORS, path


def test_optional_packages_are_imported_where_they_are_used():
    for path in files():
        for name, at_top in imports(path):
            assert not (at_top and name.split(".")[0] in OPTIONAL), f"{path} imports {name} at its top level"


def test_benchmarks_and_docs_use_minigoog_as_a_user_does():
    for path in [*ROOT.glob("benchmarks/**/*.py"), *ROOT.glob("docs/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            module = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names = module + [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            private = [name for name in names if name != "__future__" and any(part.startswith("_") for part in name.split("."))]
            assert not private, f"{path} imports {private}"


# ---- twins ----


def public_functions(package):
    return {name: getattr(package, name) for name in package.__all__}


def parameters(function):
    """(name, kind, default) of each parameter."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def test_reference_and_native_have_the_same_functions_with_the_same_signatures(native):
    ours, theirs = public_functions(native), public_functions(reference)
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert parameters(ours[name]) == parameters(theirs[name]), name
        assert inspect.getdoc(ours[name]), name


def test_every_kernel_has_a_name_in_the_package_of_kernels():
    assert all(callable(getattr(kernels, name)) for name in reference.__all__)


# ---- C ----

C_FILES = sorted((ROOT / "csrc").glob("*.[ch]")) + sorted((ROOT / "csrc").glob("*.inc"))


def code(path):
    """The text of a C file without comments and strings."""
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\])*\"", " ", path.read_text(), flags=re.S)


def declared():
    return re.findall(r"^[a-z_0-9 *]*?\b(\w+)\([^;{]*\);", code(ROOT / "csrc" / "minigoog.h"), re.M)


def test_the_functions_that_python_may_call_start_with_mg():
    names = declared()
    assert len(names) > 20 and all(name.startswith("mg_") for name in names), names


def test_every_declared_function_is_in_the_extension_and_defined_once(native):
    from minigoog._native import lib

    text = "\n".join(code(path) for path in C_FILES if path.suffix == ".c")
    for name in declared():
        assert callable(getattr(lib, name))
        assert len(re.findall(rf"^[a-z_0-9 *]*\b{name}\([^;{{]*\)\s*{{", text, re.M)) == 1, name


def test_the_extension_exports_nothing_but_its_initialiser(native):
    """-fvisibility=hidden: symbols of two extensions in one process must not meet."""
    import shutil

    if not shutil.which("nm"):
        pytest.skip("no nm here")
    from minigoog import _native

    listing = subprocess.run(["nm", "-D", "--defined-only", _native.__file__], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[-1].split("@")[0] for line in listing.splitlines()}
    assert {name for name in exported if not name.startswith(("mg_", "_cffi", "PyInit", "_init", "_fini", "__"))} == set()


@pytest.mark.parametrize("path", C_FILES, ids=lambda p: p.name)
def test_vectors_are_only_in_inc_files_threads_only_in_drivers_and_nobody_allocates(path):
    text = code(path)
    if path.name == "isa.h":  # it includes for vec.inc what must not be included inside a region
        text = text.replace("#include <immintrin.h>", "")
    vectors = re.search(r"vector_size|\b_mm\d*_|immintrin|arm_neon|\bi?vec\b|\b(LOAD|STORE|SELECT)\b", text)
    openmp = re.search(r"_OPENMP|\bomp\b|\bomp_", path.read_text() if path.suffix == ".inc" else text)
    assert not (vectors and path.suffix != ".inc"), f"{path.name} holds vectors: {vectors}"
    assert not (openmp and path.name not in ("parallel.h", "threads.c")), f"{path.name} says OpenMP: {openmp}"
    assert not (path.suffix == ".inc" and re.search(r"PARALLEL_FOR|MG_THREAD", text)), f"{path.name} holds threads"
    forbidden = re.search(r"\b(malloc|calloc|realloc|free|alloca|printf|fprintf|puts|exit|abort)\s*\(", text)
    assert not forbidden, f"{path.name} calls {forbidden}"


# ---- programs ----

PROGRAMS = sorted(path.parent.name for path in SOURCE.glob("*/__main__.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_has_help_and_a_line_in_the_readme(program):
    done = subprocess.run([sys.executable, "-m", f"minigoog.{program}", "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "usage" in done.stdout, done.stderr
    assert f"minigoog.{program}" in (ROOT / "README.md").read_text(), f"README.md does not say what python -m minigoog.{program} is for"
