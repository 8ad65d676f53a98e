"""The programs under one name, what they share, and shell completion."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import minigoog as mg
from minigoog import __main__ as program
from minigoog import cli, completion
from minigoog.formats.saved_model import Info, save

PROGRAMS = [[name] for name in program.PROGRAMS] + [["evaluate", "curves"], ["train", "find-lr"], ["completion"]]
INSPECT = [["inspect", name] for name in ("step", "page", "branches", "lab", "summary", "diff")]
DATA = [["data", "check"]]
LINES = 30  # of help


def run(*arguments, **settings):
    return subprocess.run([sys.executable, "-m", "minigoog", *arguments], capture_output=True, text=True, timeout=120, **settings)


def test_the_version_is_printed():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"minigoog {mg.__version__}\n")


def test_the_console_script_is_the_same_program():
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    module, _, function = settings["project"]["scripts"]["minigoog"].partition(":")
    assert getattr(import_module(module), function) is program.main


def test_help_and_version_import_no_program():
    code = ("import sys; from minigoog.__main__ import main\ntry: main([sys.argv[1]])\nexcept SystemExit: pass\n"
            "print([m for m in sys.modules if m.startswith(('minigoog.train', 'minigoog.evaluate', 'minigoog.sparsity'))])")  # fmt: skip
    for flag in ("--version", "--help"):
        done = subprocess.run([sys.executable, "-c", code, flag], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.endswith("[]\n"), done.stdout


@pytest.mark.parametrize("words", [[], *PROGRAMS, *INSPECT, *DATA], ids=" ".join)
def test_help_fits_one_screen(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        program.main([*words, "--help"])
    shown = capsys.readouterr().out
    assert not end.value.code and shown.startswith(" ".join(["usage: minigoog", *words]))
    assert shown.count("\n") <= LINES, shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_every_flag_of_train_is_in_help_all(capsys):
    program.main(["train", "--help-all"])
    shown = capsys.readouterr().out
    for setting in mg.train.Config.__dataclass_fields__:
        assert "--" + setting.replace("_", "-") in shown


def test_programs_run_with_their_flags_and_call_themselves_as_they_were_called(capsys):
    program.main(["inspect", "diff", "tiny", "tiny"])
    assert capsys.readouterr().out == "no difference\n"
    done = run("train", "--epochs", "x")
    assert done.returncode == 2
    assert done.stderr == "python -m minigoog train: argument --epochs: expected an integer, got 'x' (see --help)\n"


def test_a_program_that_does_not_exist_is_named():
    done = run("trian")
    assert done.returncode == 2 and "'trian'" in done.stderr and "'train'" in done.stderr and done.stderr.count("\n") == 1


def test_a_closed_output_pipe_ends_a_program_silently():
    command = [sys.executable, "-m", "minigoog", "inspect", "summary", "googlenet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == cli.BROKEN_PIPE


def test_a_closed_standard_output_is_no_error():
    command = [sys.executable, "-m", "minigoog.inspection", "summary", "lenet5"]
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_only_errors_about_flags_point_to_the_help():
    assert run("evaluate", "nowhere", "--data", "digits").stderr.endswith("nowhere: no such run folder or file of weights\n")
    assert run("inspect", "page", "--image", "a--b.png").stderr.endswith("a--b.png: no such file or directory\n")
    nothing = "nothing to train: pass --tiny, --config, --model and --data, or --weights and --data (see --help)\n"
    assert run("train").stderr.endswith(nothing)
    assert not cli.FLAG.search("cat.jpg: cannot be read as an image; --skip-damaged leaves it out")


@pytest.mark.parametrize("words", [
    ["train", "--model", "tiny", "--data", "photos"], ["evaluate", "model.safetensors", "--data", "photos"], ["data", "check", "photos"],
    ["inspect", "branches", "--model", "tiny", "--data", "photos"], ["sparsity", "accuracy", "--quick", "--images", "photos"],
], ids=lambda words: words[0])  # fmt: skip
def test_errors_of_a_folder_of_images_name_no_function(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for part in ("train", "valid", "validation"):
        (tmp_path / "photos" / part).mkdir(parents=True)
    info = Info("tiny", {"num_classes": 10}, tuple("0123456789"), (8, 8, 1), (50.0,), (80.0,), {})
    save("model.safetensors", mg.models.build("tiny", num_classes=10).state_dict(), info)
    with pytest.raises(SystemExit) as stop:
        program.main(words)
    errors = capsys.readouterr().err
    assert stop.value.code == 2 and ": photos has the folders valid, validation, expected one" in errors and "open_dataset" not in errors


def test_flags_stand_for_settings_and_other_names_stay():
    assert cli.with_flags(data="--images")("sparsity: `data` is 'x', not `size`") == "--images is 'x', not `size`"


def test_a_message_has_at_most_1000_characters(capsys):
    p = cli.Parser(prog="p")
    for end in (p.fail, p.error):
        with pytest.raises(SystemExit):
            end("x" * 5000)
        assert len(capsys.readouterr().err) < 1010
    with pytest.raises(SystemExit):
        p.error("x" * 5000)
    assert capsys.readouterr().err.endswith("x (see --help)\n")


@pytest.mark.parametrize("limits, text, message", [
    ((1, None), "0", "expected an integer of at least 1, got '0'"),
    ((0, 9), "10", "expected an integer from 0 to 9, got '10'"),
    ((0, 9), "-1", "expected an integer from 0 to 9, got '-1'"),
    ((), "1.5", "expected an integer, got '1.5'"),
    ((), "", "expected an integer, got ''"),
])  # fmt: skip
def test_integers_outside_their_limits_are_refused(limits, text, message, capsys):
    p = cli.Parser(prog="p")
    p.add_argument("--n", type=cli.integer(*limits))
    with pytest.raises(SystemExit):
        p.parse_args([f"--n={text}"])
    assert capsys.readouterr().err == f"p: argument --n: {message} (see --help)\n"


@pytest.mark.parametrize("text", ["-0.1", "1.5", "nan", "inf", "many"])
def test_numbers_outside_their_limits_are_refused(text, capsys):
    p = cli.Parser(prog="p")
    p.add_argument("--x", type=cli.number_from(0, 1))
    assert [p.parse_args([f"--x={x}"]).x for x in ("0", "1")] == [0, 1]
    with pytest.raises(SystemExit):
        p.parse_args([f"--x={text}"])
    limits = "" if text == "many" else " from 0 to 1"
    assert capsys.readouterr().err == f"p: argument --x: expected a number{limits}, got {text!r} (see --help)\n"


# ---- completion ----


def completed(script, *words):
    """What bash would offer after these words; the last one may be the start of a word."""
    ask = f'COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); COMP_CWORD={len(words) - 1}; _minigoog; printf "%s\\n" "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", f"{script}\n{ask}"], capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def bash():
    if not shutil.which("bash"):
        pytest.skip("no bash here: completion was not tried")
    return completion.script("bash", program.all_parsers("minigoog"))


@pytest.mark.parametrize("words, offered", [
    (["minigoog", "tr"], ["train"]),
    (["minigoog", ""], ["classify", "train", "evaluate", "inspect", "detection", "export", "learn", "data", "parallel", "sparsity",
                        "completion", "-h", "--help", "--version"]),
    (["minigoog", "train", "--ti"], ["--tiny"]),
    (["minigoog", "train", "--tiny", "--step-f"], ["--step-factor"]),
    (["minigoog", "train", "--no-n"], ["--no-norm", "--no-nesterov"]),
    (["minigoog", "train", "--model", "a"], ["alexnet"]),
    (["minigoog", "train", "--output", "x"], []),
    (["minigoog", "train", "fi"], ["find-lr"]),
    (["minigoog", "train", "find-lr", "--model", "a"], ["alexnet"]),
    (["minigoog", "parallel", "p"], ["plan"]),
    (["minigoog", "evaluate", "cu"], ["curves"]),
    (["minigoog", "evaluate", "curves", "--o"], ["--output"]),
    (["minigoog", "evaluate", "run", "--crops", "1"], ["1", "10", "144"]),
    (["minigoog", "inspect", "s"], ["step", "summary"]),
    (["minigoog", "inspect", "summary", "g"], ["googlenet"]),
    (["minigoog", "inspect", "diff", "tiny", "googlenet-"], ["googlenet-torchvision"]),
    (["minigoog", "inspect", "step", "--model", "l"], ["lenet5"]),
    (["minigoog", "data", "check", "--j"], ["--json"]),
    (["minigoog", "completion", "f"], ["fish"]),
])  # fmt: skip
def test_bash_offers_what_may_follow(bash, words, offered):
    assert sorted(completed(bash, *words)) == sorted(offered)


def test_zsh_and_fish_get_scripts_too(capsys):
    program.main(["completion", "zsh"])
    assert "bashcompinit" in capsys.readouterr().out
    program.main(["completion", "fish"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("complete -c minigoog -n '") and line.replace("\\'", "").count("'") % 2 == 0 for line in lines)
    assert any("-l step-factor -r" in line for line in lines) and any("-a 'googlenet" in line for line in lines)


def test_fish_offers_what_may_follow(tmp_path):
    if not shutil.which("fish"):
        pytest.skip("no fish here: its completion was not tried")
    (tmp_path / "minigoog.fish").write_text(completion.script("fish", program.all_parsers("minigoog")))
    for line, offered in (("evaluate cu", "curves"), ("train --step-f", "--step-factor"), ("train --model l", "lenet5")):
        ask = f"source {tmp_path}/minigoog.fish; complete -C'minigoog {line}'"
        done = subprocess.run(["fish", "--no-config", "-c", ask], capture_output=True, text=True, timeout=60)
        assert [answer.split("\t")[0] for answer in done.stdout.splitlines()] == [offered]


def test_a_file_that_cannot_be_read_is_named_by_the_command_without_error_numbers(tmp_path):
    done = run("inspect", "page", "--image", tmp_path / "no.jpg")
    assert done.returncode == 2
    assert done.stderr == f"python -m minigoog inspect page: {tmp_path / 'no.jpg'}: no such file or directory\n"


def test_errors_and_output_have_no_characters_that_act_on_a_terminal_or_cannot_be_encoded(tmp_path):
    done = run("evaluate", "a\x1b[31m\x7f", "--data", "digits")
    assert done.returncode == 2 and "a\\x1b[31m\\x7f: no such run folder" in done.stderr
    code = "from minigoog.cli import *\nwith exit_codes(Parser()): print('bl\\udcfcte \\u2603')"
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=ascii_only)
    assert (done.returncode, done.stdout) == (0, "bl\\udcfcte \\u2603\n")


def test_ctrl_c_while_a_program_is_imported_ends_it_with_one_line(monkeypatch, capsys):
    def interrupted(name, package):
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "import_module", interrupted)
    with pytest.raises(SystemExit) as end:
        program.main(["train", "--tiny"])
    assert end.value.code == 130 and capsys.readouterr().err == "\nstopped\n"
