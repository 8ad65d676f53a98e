"""The walk in the terminal: where it goes, what it shows, and the program around it."""

import io
import subprocess
import sys

import numpy as np
import pytest

import minigoog as mg
from minigoog.formats import saved_model
from minigoog.inspection import __main__ as program
from minigoog.inspection.walk.picture import bars, picture
from minigoog.inspection.walk.walk import Walk


@pytest.fixture(scope="module")
def trace():
    mg.manual_seed(0)
    return mg.trace(mg.models.TinyInception(), mg.data.digits()[1].images[0] / 255, 5)


@pytest.fixture
def walk(trace):
    return Walk(trace, np.zeros((8, 8, 1)), classes=tuple("0123456789"), strict=True, stdout=io.StringIO())


def said(walk, *lines):
    """What the walk prints for these commands."""
    walk.stdout.seek(0)
    walk.stdout.truncate()
    for line in lines:
        walk.onecmd(line)
    return walk.stdout.getvalue()


# ---- moving ----


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_stepping_into_every_module_comes_by_every_operation_once_in_the_order_they_ran(walk, trace, direction):
    steps = getattr(trace, direction)
    if direction == "backward":
        walk.onecmd("jump loss")
        walk.onecmd("backward")
    seen = []
    with pytest.raises(ValueError, match=f"that was the last step {direction}"):
        while True:
            while walk.operations()[0].name != walk.here:
                walk.onecmd("in")
            seen.append(walk.here)
            walk.onecmd("next")
    assert seen == [step.name for step in steps]


def test_next_stays_at_the_level_and_back_undoes_it(walk):
    names = []
    for _ in range(4):
        names.append(walk.here)
        walk.onecmd("n")
    assert names == ["conv1", "inception2a", "inception2b", "pool2"]
    for name in reversed(names):
        walk.onecmd("b")
        assert walk.here == name
    with pytest.raises(ValueError, match="this is the first step forward"):
        walk.onecmd("back")


def test_in_out_and_jump(walk):
    assert "conv1 is an operation, not a module" in error(walk, "in")
    assert "this is already the whole network" in error(walk, "out")
    walk.onecmd("jump inception3a.branch3x3.conv")
    walk.onecmd("out")
    assert (walk.inside, walk.here) == ("inception3a", "inception3a.branch3x3")
    walk.onecmd("o")
    assert (walk.inside, walk.here) == ("", "inception3a")
    assert "no step is called 'inception3a.branch3x2', but inception3a.branch1x1" in error(walk, "jump inception3a.branch3x2")
    assert walk.here == "inception3a"


def error(walk, line):
    with pytest.raises(ValueError) as caught:
        walk.onecmd(line)
    return str(caught.value)


def test_names_are_completed(walk):
    assert walk.complete_jump("inception3a.branch5", "jump inception3a.branch5", 5, 24) == [
        "inception3a.branch5x5", "inception3a.branch5x5.conv", "inception3a.branch5x5.reduce"]  # fmt: skip
    assert "pool2" in walk.complete_jump("", "jump ", 5, 5)
    assert walk.complete_j("inception3a/branch1x", "j inception3a/branch1x", 2, 22) == ["inception3a/branch1x1"]


def test_a_path_is_found_as_caffe_writes_it(walk, trace):
    assert "'inception3a.b', but inception3a.branch1x1, inception3a.branch3x3" in error(walk, "jump inception3a/b")
    walk.onecmd("j inception3a/branch3x3/conv")
    assert walk.here == "inception3a.branch3x3.conv" and trace["inception3a/branch3x3"][0] is trace["inception3a.branch3x3"][0]


def test_a_walk_does_not_turn_where_no_gradient_comes():
    forward_only = mg.trace(mg.models.TinyInception(), np.zeros((8, 8, 1)))
    assert "conv1 has no gradient" in error(Walk(forward_only, np.zeros((8, 8, 1)), strict=True, stdout=io.StringIO()), "backward")


# ---- looking ----


def test_an_operation_is_described_with_its_facts(walk):
    text = said(walk, "jump inception2a.branch3x3.conv")
    facts = ("(Conv2d), step 3 of 0 to 75, forward", "1x8x8x16 -> 1x8x8x32", "4,640 parameters, 294,912 multiply-adds", "5x5 pixels")
    for fact in facts:
        assert fact in text, text
    back = said(walk, "backward")
    assert all(f"gradient of {name}:" in back for name in ("output", "input", "weight", "bias"))


def test_a_module_is_shown_as_the_table_of_its_operations(walk, trace):
    assert trace["inception2b"].forward.table(80) in said(walk, "jump inception2b")
    assert trace.forward.table(80) in said(walk, "list")
    assert trace["inception2b"].forward.table(80) in said(walk, "in", "list")
    assert said(walk, "jump loss").startswith("loss: 1 operation, forward; `in` steps into it\n")


def below(explanation):
    """The lines of an explanation for 80 columns, without the first, which may be wrapped."""
    return explanation.text(80).partition("\n")[2]


def test_explain_and_gradient_show_what_the_step_explains(walk, trace):
    step = trace["inception2a.branch3x3.conv"][0]
    text = said(walk, "jump inception2a.branch3x3.conv", "explain 3 4 5")
    assert below(step.explain(3, 4, 5)) in text
    assert "it can depend on rows 1 to 5 and columns 2 to 6 of the image" in text
    assert str(step.explain_gradient(3, 4, 5)) in said(walk, "gradient 3 4 5")
    assert below(step.explain_gradient(0, 1, 2, 3, of="weight")) in said(walk, "g weight 0 1 2 3")
    assert str(trace["classifier"][0].explain(7)) in said(walk, "jump classifier", "e 7")
    assert "explain takes numbers, got '3 x 5'" in error(walk, "explain 3 x 5")
    assert "classifier has no 'filter', expected input, weight, bias" in error(walk, "gradient filter 3 4")


@pytest.mark.parametrize(("line", "message"), [
    ("explain 1 2 3", "explain takes number, got 3 of them; for one: `explain 5`"),
    ("explain 10", "explain: the number is 10, expected 0 to 9; there are 10 numbers"),
    ("gradient weight 3", "gradient takes input, output, got 1 of them; for one: `gradient weight 80 5`"),
    ("gradient weight 160,3", "gradient: the input is 160, expected 0 to 159; there are 160 inputs, 10 outputs"),
    ("jump 76", "jump: there is no step 76, the last one is 75"),
    ("jump conv9", "jump: no step is called 'conv9', but conv1"),
])  # fmt: skip
def test_wrong_places_are_refused_in_the_words_of_the_walk(walk, line, message):
    walk.onecmd("jump classifier")
    assert error(walk, line) == message


def test_the_number_of_a_row_is_that_of_the_heading_and_jumps_there_in_its_direction(walk, trace):
    for number in (12, 60):
        row = next(line for line in trace.table(80).splitlines() if line.startswith(f"{number}  "))
        text = said(walk, f"jump {number}")
        assert text.startswith(f"{row.split()[1]} (") and f", step {number} of 0 to 75, {trace[number].direction}" in text
    assert walk.direction == "backward"


def test_nothing_of_a_walk_is_wider_than_80_columns_also_with_long_names(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    commands = ["list", "explain 3 4 5", "help", "show", "jump inception4b", "list", "jump 100",
                "gradient weight 0 0 1 2", "gradient 1 2 3", "jump 0", "explain 1 2 3"]  # fmt: skip
    program.main(["step", "--model", "googlenet", "--script", str(script(tmp_path, "\n".join(commands)))])
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_a_channel_is_drawn(walk, trace):
    text = said(walk, "show 7")
    assert "output of conv1, channel 7 of 32:" in text and picture(trace[0].output[0, ..., 7]) in text
    strongest = int(np.abs(trace[0].output[0]).sum(axis=(0, 1)).argmax())
    assert f"channel {strongest} of 32" in said(walk, "show")
    assert picture(trace["conv1"][1].dy[0, ..., 7]) in said(walk, "backward", "show 7")
    assert "the channel is 32, expected 0 to 31" in error(walk, "show 32")
    assert bars(trace["classifier"][0].output[0], "0123456789") in said(walk, "jump classifier", "forward", "show")
    assert "output of loss.cross_entropy:" in said(walk, "jump loss", "show")


def test_a_picture_has_two_characters_for_a_pixel_from_the_smallest_to_the_largest():
    assert picture(np.array([[0.0, 1.0], [0.5, 0.0]])) == "|  @@|\n|==  |\n' ' is 0, '@' is 1"
    wide = picture(np.arange(64.0 * 64).reshape(64, 64)).splitlines()
    assert len(wide) == 33 and len(wide[0]) == 66 and wide[-1].endswith("; one pixel in 2 along each axis")
    assert "not finite: 1 of 4" in picture(np.array([[0.0, np.nan], [1.0, 1.0]]))


def test_bars_show_the_largest_values():
    lines = bars(np.arange(20.0)).splitlines()
    assert lines[0].split() == ["19", "19", "#" * 30] and lines[-1] == "(8 more)"
    assert bars(np.array([1.0, -3.0]), "ab", np.abs).splitlines()[0].startswith("b")


def test_a_wrong_command_is_reported_and_the_walk_continues(trace):
    out = io.StringIO()
    keyboard = io.StringIO("nonsense\nnext\nexplain 99 0 0\n\nquit\n")
    walk = Walk(trace, np.zeros((8, 8, 1)), stdin=keyboard, stdout=out)
    walk.use_rawinput = False
    walk.cmdloop()
    assert "unknown command 'nonsense': `help` lists all" in out.getvalue()
    assert "explain: the row is 99, expected 0 to 7; there are 8 rows, 8 columns, 80" in out.getvalue()
    assert walk.here == "inception2b"


def test_help_lists_every_command(walk):
    text = said(walk, "help")
    commands, _, words = text.partition("\n\n")
    assert len(commands.splitlines()) == sum(name.startswith("do_") for name in vars(Walk)) and text == said(walk, "?")
    assert words.startswith("norm: ") and max(map(len, text.splitlines())) <= 80


# ---- the program ----


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["inspection", *map(str, arguments)])
    program.main()


def script(tmp_path, text):
    path = tmp_path / "script.txt"
    path.write_text(text)
    return path


def test_the_program_follows_a_script_from_standard_input():
    done = subprocess.run([sys.executable, "-m", "minigoog.inspection", "step", "--script", "-"], input="next\nquit\nnext\n",
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a handwritten 5 of the test digits" in done.stdout and "What next: Enter goes to the next operation" in done.stdout
    assert "> next\ninception2a: 8 operations" in done.stdout and done.stdout.endswith("> quit\n")


@pytest.mark.parametrize("model", ["tiny", "lenet5", "nin", "googlenet"])
def test_every_model_can_be_walked(monkeypatch, capsys, tmp_path, model):
    commands = "n\nshow\nbackward\nshow # a comment\n\n# another\nimage\nlist\nquit"
    run(monkeypatch, "step", "--model", model, "--training", "--script", script(tmp_path, commands))
    text = capsys.readouterr().out
    assert "Predicted: " in text and f"{model}, untrained" in text and "gradient of the output" in text
    assert ("aux_4a.classifier" in text) == (model == "googlenet")


def test_a_script_that_is_no_text_is_named(tmp_path, capsys):
    (tmp_path / "script").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(SystemExit):
        program.main(["step", "--script", str(tmp_path / "script")])
    assert capsys.readouterr().err.endswith("script: not a script (it is not utf-8 text)\n")


def test_a_wrong_line_of_a_script_is_named(monkeypatch, capsys, tmp_path):
    path = script(tmp_path, "next\nexplain 1\n")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "step", "--script", path)
    message = capsys.readouterr().err
    assert stop.value.code == 2 and message.count("\n") == 1
    assert f"{path}, line 2, 'explain 1': explain takes row, column, channel, got 1 of them; for one: `explain 4 4 40`" in message


@pytest.mark.parametrize("flags, message", [
    (["--image", "absent.png"], "absent.png"),
    (["--weights", "absent"], "absent: no such run folder or file of weights"),
    (["--script", "absent"], "absent"),
    (["--label", "10"], "--label is 10, expected 0 to 9"),
    (["--modle", "tiny"], "unrecognized arguments: --modle tiny"),
])  # fmt: skip
def test_a_wrong_flag_is_one_line_and_exit_code_2(monkeypatch, capsys, flags, message):
    if flags[0] == "--image":
        pytest.importorskip("PIL")
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, "step", *flags)
    shown = capsys.readouterr().err
    assert stop.value.code == 2 and message in shown and shown.count("\n") == 1


def test_summary_and_diff_are_programs_too(monkeypatch, capsys, tmp_path):
    run(monkeypatch, "summary", "lenet5")
    assert capsys.readouterr().out == f"{mg.summary(mg.models.LeNet5(), (32, 32, 1))}\n"
    trained = mg.models.TinyInception(num_classes=3, in_channels=3)
    info = saved_model.Info("tiny", {"num_classes": 3, "in_channels": 3}, ("a", "b", "c"), (16, 16, 3), (50.0,) * 3, (80.0,) * 3, {})
    saved_model.save(tmp_path / "last.safetensors", trained.state_dict(), info)
    for name in (tmp_path, tmp_path / "last.safetensors"):
        run(monkeypatch, "summary", name)
        assert capsys.readouterr().out == f"{mg.summary(trained, (16, 16, 3))}\n"
    run(monkeypatch, "diff", tmp_path, tmp_path)
    assert capsys.readouterr().out == "no difference\n"
    with pytest.raises(SystemExit):
        run(monkeypatch, "summary", "nowhere")
    assert "nowhere: expected one of googlenet-torchvision, googlenet, " in capsys.readouterr().err
    run(monkeypatch, "diff", "tiny", "tiny")
    assert capsys.readouterr().out == "no difference\n"
    with pytest.raises(SystemExit):
        run(monkeypatch, "diff", "tiny", "lenet5")
    assert "their layers cannot be compared one by one" in capsys.readouterr().err
