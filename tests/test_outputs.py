"""Where programs write: never half, never over what is no file, and never after long work only to fail."""

import argparse
import ast
import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from minigoog import __main__ as program
from minigoog import cli, figures, files
from minigoog.formats import saved_model
from minigoog.models import TinyInception

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for folder in ("src", "benchmarks", "docs", "examples") for path in sorted((ROOT / folder).rglob("*.py"))]
WRITERS = {"write_text", "write_bytes", "tofile", "savetxt", "savez", "savez_compressed", "savefig", "rename", "truncate", "dump"}
SAVERS = {"figures", "saved_model", "safetensors", "checkpoint", "onnx_files", "self", "saved", "saving", "trainer"}  # `save` is atomic
OTHERWISE = {  # file: why its bare writes are right
    "src/minigoog/files.py": "makes writes atomic",
    "src/minigoog/cli.py": "to the null device, in place of a closed standard output",
    "src/minigoog/figures.py": "into a file of atomic_write",
    "src/minigoog/sparsity/report/figures.py": "into memory",
    "src/minigoog/data/download.py": "into NAME.part, which is renamed when it is complete",
    "src/minigoog/train/run.py": "adds a line to the metrics, and takes it off again if it could not be written whole",
    "benchmarks/formats.py": "into a temporary folder",
    "benchmarks/googlenet.py": "into a temporary folder",
    "benchmarks/worker.py": "into a temporary folder of the benchmark, and to /proc",
    "src/minigoog/detection/rcnn/pool.py": "into files of atomic_write",
    "src/minigoog/detection/rcnn/training.py": "into files of atomic_write",
    "docs/tour/chapters.py": "into a file of atomic_write",
    "docs/page_pictures.py": "into a file of atomic_write",
    "docs/conf.py": "into the site, which is built anew each time",
    "examples/train_on_your_images.py": "draws the example's images",
}
# flags of files and folders that programs write, and read
WRITTEN = {"--json", "--csv", "--drawn", "--evidence", "--figure", "--mistakes", "--output", "--plot", "--into"}
READ = {"--config", "--data", "--data-dir", "--image", "--images", "--script", "--weights", "--resume", "--against", "--classes",
        "--prototxt", "--boxes", "--folder", "--exercises", "--ort",
        "--peer-python"}


# ---- every write is atomic ----


def writes(call):
    """Whether a call in a Python source writes to a file."""
    owner, name = (ast.unparse(call.func.value), call.func.attr) if isinstance(call.func, ast.Attribute) else ("", ast.unparse(call.func))
    values = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    if name == "open":
        return any(isinstance(value, ast.Constant) and set(str(value.value)) <= set("rwaxbt+:gz") and set(str(value.value)) & set("wax+")
                   for value in values)  # fmt: skip
    return name in WRITERS or (name == "replace" and owner == "os") or (name == "save" and owner not in SAVERS) or (
        owner == "shutil" and name not in ("which", "get_terminal_size"))  # fmt: skip


def bare_writes(source):
    if not re.search(rf"\b(open|os\.replace|save|shutil|{'|'.join(WRITERS)})\b", source):
        return []
    return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and writes(node)]


def test_every_file_is_written_atomically():
    found = {str(path.relative_to(ROOT)): bare_writes(path.read_text()) for path in SOURCES}
    assert {name: calls for name, calls in found.items() if calls and name not in OTHERWISE} == {}
    assert [name for name in OTHERWISE if not found[name]] == [], "no longer needs its exception"


@pytest.mark.parametrize("line", [
    "open(p, 'w')", "open(p, mode='ab')", "p.open('r+')", "gzip.open(p, 'wb')", "p.write_text(t)", "np.save(p, a)", "plt.savefig(p)",
    "json.dump(a, f)", "os.replace(a, b)", "shutil.copy(a, b)", "image.save(p)",
])  # fmt: skip
def test_a_bare_write_would_be_noticed(line):
    assert bare_writes(line) == [line]
    assert not bare_writes("open(p)\nopen(p, 'rb')\nimage.open(p)\ntext.replace('a', 'b')\nshutil.which('a')")


# ---- what a write does to what stands there ----


def write(path, content=b"new"):
    with files.atomic_write(path) as file:
        file.write(content)


def test_an_existing_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(path)
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path, there):
    (tmp_path / "below").mkdir()
    target, link = tmp_path / "below" / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"old")
    link.symlink_to("below/target")
    (tmp_path / "second").symlink_to(link)
    write(tmp_path / "second")
    assert link.is_symlink() and not target.is_symlink() and target.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["below", "link", "second"] and list(target.parent.iterdir()) == [target]


def test_another_name_of_the_file_keeps_the_old_content(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"old")
    os.link(path, other)
    write(path)
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    path, got = tmp_path / "pipe", []
    os.mkfifo(path)
    files.check_writable(path)  # does not wait for a reader
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join(60)
    assert got == [b"new"] and stat.S_ISFIFO(path.stat().st_mode) and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes devices: writing to one was not tried")
def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    path = tmp_path / "null"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        path.read_bytes()
    except OSError:
        pytest.skip("no devices may be made here: writing to one was not tried")
    write(path)
    (tmp_path / "link").symlink_to(path)
    write(tmp_path / "link")
    assert stat.S_ISCHR(path.stat().st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full") or not os.path.isdir("/proc/self"), reason="no /dev/full or /proc here: not tried")
def test_a_device_or_a_folder_that_takes_nothing_is_named():
    with pytest.raises(OSError, match=r"No space left on device: '/dev/full'"):
        write("/dev/full")
    with pytest.raises(OSError, match="no files can be made in /proc"):
        files.check_writable("/proc/new")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_gets_what_is_written_in_its_place(tmp_path, name):
    if not os.path.exists(name):
        pytest.skip(f"no {name} here")
    code = (f"from minigoog.files import atomic_write, check_writable\ncheck_writable({name!r})\nprint('before')\n"
            f"with atomic_write({name!r}) as file: file.write(b'new ')\nprint('after')")  # fmt: skip
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, timeout=60)
    assert (tmp_path / "out").read_bytes() == b"before\nnew after\n"


def test_names_that_are_nearly_too_long_can_be_written(tmp_path):
    for name in ("n" * 255, "ü" * 127):
        write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"new"


@pytest.mark.parametrize("name, reason", [
    ("", "'': no such file or directory"), (".", ".: is a directory"), ("new/", "new/: is a directory"),
    ("no/file", "no/file: there is no folder .*no$"), ("file/below", "file/below: not a directory"), ("loop", "loop: too many levels"),
    ("n" * 300, "n+: file name too long"),
])  # fmt: skip
@pytest.mark.parametrize("check", [files.check_writable, write])
def test_what_cannot_be_written_is_named_with_the_reason(tmp_path, monkeypatch, name, reason, check):
    monkeypatch.chdir(tmp_path)
    Path("file").write_bytes(b"old")
    Path("loop").symlink_to("loop")
    with pytest.raises(OSError) as refused:
        check(name)
    assert re.match(reason, files.error_text(refused.value)), files.error_text(refused.value)
    assert sorted(os.listdir()) == ["file", "loop"] and Path("file").read_bytes() == b"old"


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda place, mode: False)  # for root, everything can be written to
    for check in (files.check_writable, write):
        with pytest.raises(PermissionError, match="file"):
            check(path)
    assert path.read_bytes() == b"old"


# ---- programs check their outputs before any work ----


def benchmark_flags():
    """{(program, flag): the name of its argparse type}, from the sources: benchmarks set up their parsers while they run."""
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for node in calls:
            if ast.unparse(node.func) == "p.add_argument" and ast.literal_eval(node.args[0]).startswith("--"):
                kinds = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "type"]
                yield path.name, node.args[0].value, kinds


def package_flags(p):
    """Each (program, argparse action) of a parser and those below it."""
    yield from ((p.prog, action) for action in p._actions)
    for action in p._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from package_flags(below)
    for below in p.commands.values():
        yield from package_flags(below)


def test_every_flag_of_a_file_says_whether_it_is_read_or_written_and_outputs_are_checked():
    for prog, action in package_flags(program.all_parsers("minigoog")):
        for flag in WRITTEN & set(action.option_strings):
            # those of train are checked by train.run.check_output, for Python too
            assert action.type in (cli.output_file, cli.output_folder, figures.output) or prog.startswith("minigoog train"), (prog, flag)
        if action.option_strings and str(action.metavar) in ("FILE", "DIR", "FOLDER", "PATH"):
            assert set(action.option_strings) & (WRITTEN | READ), f"{prog} {action.option_strings}: is it read or written?"
    for name, flag, kinds in benchmark_flags():
        if flag in WRITTEN - {"--into"}:
            assert kinds in (["output_file"], ["figures.output"]), (name, flag)


@pytest.mark.parametrize("line", [
    "inspect page --model nin --image a.png --output a.png", "inspect page --model nin --image photos/a.png --output link",
    "classify a.png --weights RUN --csv a.png", "classify photos --weights RUN --json photos/a.png",
    "classify a.png --weights RUN --classes names.txt --json ./names.txt", "evaluate net.pth --data digits --json net.pth",
    "evaluate run --data digits --json run/last.safetensors", "evaluate curves run net.pth --output net.pth",
    "export --weights net.onnx net.onnx", "data check photos --json photos/a.png", "detection page RUN a.png --output a.png",
    "detection propose a.png --json a.png", "detection evaluate found.json --data a.csv --json found.json",
    "detection evaluate found.json --data a.csv --figure a.csv", "detection detect RUN a.png --boxes found.json --json found.json",
])  # fmt: skip
def test_a_file_that_is_read_is_not_written_over(tmp_path, monkeypatch, capsys, line):
    monkeypatch.chdir(tmp_path)
    for name in ("photos/a.png", "a.png", "names.txt", "net.pth", "net.onnx", "found.json", "a.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(b"old")
    Path("link").symlink_to("photos/a.png")
    Path("run").mkdir()
    info = saved_model.Info("tiny", {"num_classes": 10}, tuple("0123456789"), (8, 8, 1), (50.0,), (80.0,), {})
    saved_model.save(Path("run/last.safetensors"), TinyInception(num_classes=10).state_dict(), info)
    monkeypatch.setattr(figures, "file_kind", str)  # figures go to files of any name
    there = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    with pytest.raises(SystemExit) as end:
        program.main(line.split())
    output, said = line.split()[-1], capsys.readouterr()
    assert end.value.code == 2 and f": {output}: is read, so it is not written over" in said.err and said.err.count("\n") == 1, said.err
    assert said.out == "" and {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == there


@pytest.mark.parametrize("words", [
    ["evaluate", "RUN", "--data", "digits", "--json"], ["evaluate", "curves", "RUN", "--output"], ["inspect", "branches", "--output"],
    ["inspect", "page", "--output"], ["sparsity", "--output"], ["train", "--tiny", "--output"],
    ["data", "check", "FOLDER", "--json"], ["classify", "PHOTO", "--weights", "RUN", "--json"],
    ["detection", "propose", "PHOTO", "--json"], ["detection", "evaluate", "FILE", "--data", "DATA", "--figure"],
    ["classify", "PHOTO", "--weights", "RUN", "--csv"], ["classify", "PHOTO", "--weights", "RUN", "--evidence"],
], ids=" ".join)  # fmt: skip
@pytest.mark.parametrize("name", ["file/below", "file/below/", "", "-"])
def test_an_output_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch, capsys, words, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(SystemExit) as end:
        program.main([*words, name])
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1 and words[-1] in error, error
    assert os.listdir() == ["file"]
