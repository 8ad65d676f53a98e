"""The code follows docs/architecture.md: which room may import which, where vectors and threads may be, the same signatures twice."""

import ast
import graphlib
import inspect
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from minigoog import kernels
from minigoog.kernels import reference

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "minigoog"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
OPTIONAL = {"matplotlib", "PIL", "torch", "mpi4py", "onnx", "onnxruntime", "openvino", "sklearn", "scipy", "skimage", "h5py"}
TENSORS = {"tape", "tensor", "op", "ops", "gradcheck", "nn", "optim", "losses", "models"}  # what data/ and formats/ know nothing of


def floors(heading):
    """{room: floor} of the table below a heading of docs/architecture.md."""
    section = ARCHITECTURE.split(f"# {heading}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (\d+) \| ([^|]*) \|", section, re.M)
    return {room: int(floor) for floor, names in rows for room in re.findall(r"`(\w+)`", names)}


FLOORS = {  # by package: a room, its floor. A room imports rooms on lower floors, and its own files.
    (): floors("The floors"),
    ("inspection",): floors("Inside `inspection`"),
    ("sparsity",): floors("Inside `sparsity`"),
    ("detection",): floors("Inside `detection`"),
    ("learn",): floors("Inside `learn`"),
}


def files(*package):
    """The files of the rooms of a package; its own __init__.py is in no room."""
    folder = SOURCE.joinpath(*package)
    return [path for path in sorted(folder.rglob("*.py")) if path != folder / "__init__.py"]


def room_of(path, *package):
    return path.relative_to(SOURCE.joinpath(*package)).parts[0].removesuffix(".py")


def for_types_only(tree):
    """The nodes below `if TYPE_CHECKING:`, which never run."""
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    return {id(inner) for node in guarded for statement in node.body for inner in ast.walk(statement)}


def imports(path):
    """(dotted name, at the top level of the file) of everything that a file imports: `from .a import b` is minigoog.a.b."""
    tree = ast.parse(path.read_text(), str(path))
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef) for node in ast.walk(function)}
    never = for_types_only(tree)
    package = ["minigoog", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree):
        if id(node) in never:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = [*above, *([node.module] if node.module else [])]
            yield from ((".".join([*module, alias.name]), id(node) not in inside) for alias in node.names)


def rooms_imported(path, *package):
    """The rooms of a package that a file imports, its own aside. Constants of the package itself (__version__) are in no room."""
    prefix = ["minigoog", *package]
    names = [name.split(".") for name, _ in imports(path)]
    rooms = {name[len(prefix)] for name in names if name[: len(prefix)] == prefix and len(name) > len(prefix)}
    return {room for room in rooms if room not in (room_of(path, *package), "_native", "__version__")}


# ---- rooms ----


@pytest.mark.parametrize("package", FLOORS, ids=lambda package: "/".join(package) or "minigoog")
def test_the_table_of_floors_names_the_rooms_that_exist_and_no_others(package):
    assert set(FLOORS[package]) == {room_of(path, *package) for path in files(*package)}


@pytest.mark.parametrize(("package", "path"), [
    pytest.param(package, path, id=f"{path.relative_to(SOURCE)}-in-{'.'.join(['minigoog', *package])}")
    for package in FLOORS for path in files(*package)
])  # fmt: skip
def test_a_room_imports_only_rooms_on_lower_floors(package, path):
    floor, room = FLOORS[package], room_of(path, *package)
    for other in rooms_imported(path, *package):
        assert other in floor, f"{path.relative_to(ROOT)} imports {other}, which docs/architecture.md puts on no floor"
        assert floor[other] < floor[room], f"{path.relative_to(ROOT)} (floor {floor[room]}) imports {other} (floor {floor[other]})"


def test_the_rule_about_floors_would_notice_an_import_upwards(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / "kernels" / "native").mkdir(parents=True)
    bad = tmp_path / "kernels" / "native" / "bad.py"
    for text in ("from ... import nn", "from ...nn import Conv2d", "from minigoog.nn.conv import Conv2d",
                 "import minigoog.nn", "def f():\n    from ... import nn"):
        bad.write_text(text)
        assert rooms_imported(bad) == {"nn"}, text
    bad.write_text("from ..reference import conv2d\nfrom ...kernels.shapes import pair\nif TYPE_CHECKING:\n    from ... import nn")
    assert rooms_imported(bad) == set() and rooms_imported(bad, "kernels") == {"reference", "shapes"}


def import_graph():
    """module -> the modules of minigoog that it imports, wherever in its file."""
    modules = {".".join(["minigoog", *path.relative_to(SOURCE).with_suffix("").parts]).removesuffix(".__init__"): path
               for path in SOURCE.rglob("*.py")}  # fmt: skip
    for name, path in modules.items():
        found = {imported if imported in modules else imported.rpartition(".")[0] for imported, _ in imports(path)}
        yield name, found & modules.keys() - {name}


def test_no_import_runs_in_a_circle():
    graphlib.TopologicalSorter(dict(import_graph())).prepare()


def test_no_benchmark_imports_another_in_a_circle():
    trees = {path.stem: ast.parse(path.read_text()) for path in (ROOT / "benchmarks").glob("*.py")}
    graph = {name: {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
             | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} for name, tree in trees.items()}  # fmt: skip
    assert "layers" in graph["torch_googlenet"]
    graphlib.TopologicalSorter(graph).prepare()


def test_the_rule_about_circles_would_notice_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    (tmp_path / "a.py").write_text("from .b import something")
    (tmp_path / "b.py").write_text("def f():\n    from . import a")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(dict(import_graph())).prepare()


def test_the_tape_needs_nothing_but_the_names_of_types():
    assert rooms_imported(SOURCE / "tape.py") <= {"array_types"}


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


def test_benchmarks_docs_and_examples_use_minigoog_as_a_user_does():
    for path in [path for folder in ("benchmarks", "docs", "examples") for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            module = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            names = module + [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            private = [name for name in names if name != "__future__" and any(part.startswith("_") for part in name.split("."))]
            assert not private, f"{path} imports {private}"


# ---- sizes ----

WRITTEN = {".py", ".js", ".css", ".html", ".c", ".h", ".inc"}


def test_no_file_is_longer_than_300_lines():
    written = [path for folder in ("src", "csrc", "tests") for path in (ROOT / folder).rglob("*") if path.suffix in WRITTEN]
    long = {str(path.relative_to(ROOT)) for path in written if path.name != "_native.c" and len(path.read_text().splitlines()) > 300}
    assert long == set()


def test_functions_are_short():
    """Lines from `def` to the last one, signature and docstring included."""
    trees = [ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")]
    lengths = [node.end_lineno - node.lineno + 1 for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert statistics.median(lengths) <= 5 and statistics.quantiles(lengths, n=10)[-1] <= 13


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
    text = "".join(code(path) for path in sorted((ROOT / "csrc").glob("minigoog*.h")))
    return re.findall(r"^[a-z_0-9 *]*?\b(\w+)\([^;{]*\);", text, re.M)


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
def test_vectors_are_only_in_inc_files_threads_only_in_drivers_and_no_function_allocates(path):
    text = code(path)
    if path.name == "isa.h":  # it includes for vec.inc what must not be included inside a region
        text = text.replace("#include <immintrin.h>", "").replace("#include <arm_neon.h>", "")
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


def test_no_type_of_the_inner_kernels_is_defined_twice():
    """gcc takes a second typedef of the same vector with another alignment, and keeps the first: maps of bf16 were once read as if at
    multiples of 4 bytes."""
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "csrc").glob("*.inc")))
    names = re.findall(r"^typedef [^;(]*\b(?:FN\()?(\w+)\)? __attribute__", sources, re.M)
    assert len(names) > 15 and [name for name in names if names.count(name) > 1] == []
