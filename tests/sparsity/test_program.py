"""The program: what runs, what is kept, what is refused, and how it ends."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from minigoog.sparsity import __main__ as program
from minigoog.sparsity.runner.parts import work_through
from minigoog.sparsity.runner.run import run

from .fakes import demonstration


@pytest.fixture
def main(monkeypatch, capsys):
    """A function that runs the program with these demonstrations and flags: (exit code, stdout, stderr)."""

    def call(demonstrations, *flags):
        monkeypatch.setattr(program, "DEMONSTRATIONS", {d.name: d for d in demonstrations})
        monkeypatch.setattr(sys, "argv", ["sparsity", *map(str, flags)])
        with pytest.raises(SystemExit) as end:
            program.main()
        return end.value.code, *capsys.readouterr()

    return call


def test_all_demonstrations_run_and_the_verdicts_and_the_report_are_named(main, tmp_path):
    code, out, _ = main([demonstration("one"), demonstration("two", "L6", verdict="contradicted")], "--output", tmp_path / "new")
    assert code == 0
    assert "one (1 of 2): The <title> of one" in out and "L1  one            holds" in out and "L6  two            contradicted" in out
    assert out.strip().endswith("report.html") and (tmp_path / "new" / "report.html").exists()


def test_what_has_been_measured_is_not_measured_again(main, tmp_path):
    calls = []

    def measure(setting):
        calls.append(setting.once("part", lambda: {"value": len(calls)}))
        return {"seed": 1}

    for _ in range(2):
        assert main([demonstration("one", measure=measure)], "--output", tmp_path)[0] == 0
    assert calls == [{"value": 0}]


def test_ctrl_c_prints_how_to_resume_and_the_next_run_resumes(main, tmp_path):
    parts, presses = [], [KeyboardInterrupt]

    def measure(setting):
        for part in ("a", "b"):
            setting.once(part, lambda part=part: parts.append(part) or {"done": part})
            if presses:
                raise presses.pop()
        return {"seed": 1}

    code, _, err = main([demonstration("one", measure=measure)], "--output", tmp_path, "one")
    assert code == 130 and f"Resume with: python -m minigoog.sparsity --output {tmp_path} one" in err
    assert main([demonstration("one", measure=measure)], "--output", tmp_path)[0] == 0
    assert parts == ["a", "b"]


def test_a_demonstration_that_fails_is_reported_and_the_others_run(main, tmp_path):
    def measure(setting):
        raise RuntimeError("no luck <today>")

    code, out, _ = main([demonstration("bad", measure=measure), demonstration("good", "L2")], "--output", tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert code == 1 and "failed: RuntimeError: no luck <today>" in out and "L2  good           holds" in out
    assert "no luck &lt;today&gt;" in page and 'badge failed">failed' in page


def test_a_figure_that_cannot_be_drawn_does_not_prevent_the_report(main, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'minigoog[plots]'")

    def draw(numbers, figure):
        raise ZeroDivisionError("nothing to draw")

    code, _, err = main([demonstration("one", figures={"F1": ("a figure", draw)})], "--output", tmp_path)
    assert code == 1 and "figure F1 could not be drawn: ZeroDivisionError: nothing to draw" in err
    assert "ZeroDivisionError" in (tmp_path / "report.html").read_text()


def test_only_the_named_demonstrations_run_and_the_report_keeps_earlier_results(main, tmp_path):
    both = [demonstration("one"), demonstration("two", "L2")]
    assert "L2  two            not run" in main(both, "--output", tmp_path, "one")[1]
    assert "L1  one            holds" in main(both, "--output", tmp_path, "two")[1]


@pytest.mark.parametrize("flags", [["--quick"], ["--seed", "1"]])
def test_runs_of_different_kinds_do_not_mix_in_one_folder(main, tmp_path, flags):
    assert main([demonstration("one")], "--output", tmp_path)[0] == 0
    code, _, err = main([demonstration("one")], "--output", tmp_path, *flags)
    assert code == 2 and "holds results of a full run with seed 0 on the digits; a" in err and len(err.strip().splitlines()) == 1


def folder_of_images(path, classes=("cat", "dog"), size=100):
    """A folder of files that are called like images, each of `size` bytes; the program that is run here opens none of them."""
    for place in [path / part / name for part in ("train", "test") for name in classes]:
        place.mkdir(parents=True)
        (place / "1.png").write_bytes(bytes(size))
    return path


@pytest.mark.parametrize("other", [{"classes": ("cat", "fox")}, {"size": 101}])
def test_other_images_of_as_many_classes_do_not_mix_in_one_folder(main, tmp_path, other):
    one, copy = folder_of_images(tmp_path / "one"), folder_of_images(tmp_path / "copy")
    for images in (one, copy):
        assert main([demonstration("one")], "--output", tmp_path / "run", "--images", images)[0] == 0
    images = folder_of_images(tmp_path / "other", **other)
    code, _, err = main([demonstration("one")], "--output", tmp_path / "run", "--images", images)
    assert code == 2 and "2 images for training and 2 for testing, of 2 classes (cat, dog), checksums" in err
    assert "needs another folder" in err


def test_folders_of_images_have_folders_of_results_of_their_own(monkeypatch, tmp_path):
    def output(*flags):
        return str(program.output(program.parser().parse_args(flags)))

    monkeypatch.chdir(folder_of_images(tmp_path / "a" / "digits"))
    found = {output("--images", place) for place in (".", "../digits", str(tmp_path / "a" / "digits"))}
    found |= {output("--images", "../../b/digits"), output()}
    assert len(found) == 3 and "runs/sparsity-full-digits-seed0" in found and all("digits" in name for name in found)


def test_results_of_the_digits_from_before_are_kept(main, tmp_path):
    (tmp_path / "settings.json").write_text('{"quick": false, "seed": 0, "images": "the digits"}')
    assert main([demonstration("one")], "--output", tmp_path)[0] == 0


def comparison(trained):
    """A demonstration that compares the accuracies of two or `seeds` networks and writes down which it trains."""

    def measure(setting):
        runs = range(setting.seeds or 2)
        done = work_through(setting, {f"run{seed}": lambda seed=seed: trained.append(seed) or {"accuracy": seed} for seed in runs})
        return {"seed": len(done)}

    return demonstration("many", measure=measure, seeded=True)


def test_more_seeds_keep_what_fewer_have_trained_and_fewer_train_nothing(main, tmp_path):
    trained, found = [], []
    for flags in ([], ["--seeds", 4], ["--seeds", 4], ["--seeds", 3], []):
        assert main([comparison(trained), demonstration("one")], "--output", tmp_path, *flags)[0] == 0
        found.append(json.loads((tmp_path / "many" / "result.json").read_text())["numbers"]["seed"])
    assert trained == [0, 1, 2, 3] and found == [2, 4, 4, 3, 2]


def test_the_report_says_with_how_many_seeds_each_demonstration_is_repeated(main, tmp_path):
    assert main([comparison([]), demonstration("one")], "--output", tmp_path, "--seeds", 3)[0] == 0
    page = (tmp_path / "report.html").read_text()
    assert f"--output {tmp_path} --seeds 3 many</code>" in page and f"--output {tmp_path} one</code>" in page


def test_the_report_says_with_how_many_seeds_kept_numbers_were_made(main, tmp_path):
    both = [comparison([]), replace(comparison([]), name="few"), demonstration("one")]
    assert main(both, "--output", tmp_path, "--seeds", 3)[0] == 0
    assert main(both, "--output", tmp_path, "one")[0] == 0
    page = (tmp_path / "report.html").read_text()
    assert all(f"--output {tmp_path}{words}" in page for words in (" --seeds 3 many</code>", " one</code>", " --seeds 3</pre>"))
    assert main(both, "--output", tmp_path, "few")[0] == 0  # as many as planned
    page, command = (tmp_path / "report.html").read_text(), f"python -m minigoog.sparsity --output {tmp_path}"
    assert f"<code>{command} --seeds 3 many</code>" in page and f"<code>{command} few</code>" in page
    assert f"<pre>{command}\n{command} --seeds 3 many</pre>" in page  # one after the other they give this report


def test_seeds_for_what_compares_no_accuracies_are_refused(main, tmp_path):
    code, _, err = main([comparison([]), demonstration("one")], "--output", tmp_path, "--seeds", 3, "one")
    assert code == 2 and "--seeds is for demonstrations that compare accuracies, many; not for one" in err and not list(tmp_path.iterdir())


def test_a_folder_with_other_files_is_refused(main, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    code, _, err = main([demonstration("one")], "--output", tmp_path)
    assert code == 2 and "--output is" in err and "other files" in err


@pytest.mark.parametrize(("flags", "message"), [
    (["three"], "there is no demonstration three, expected some of one"),
    (["--seed", "-1"], "expected an integer from 0 to 4294967295, got '-1'"),
    (["--images", "nowhere"], "--images is 'nowhere', expected a folder of images"),
    (["--seeds", "1"], "expected an integer from 2 to 1000, got '1'"),
    (["--fast"], "unrecognized arguments: --fast"),
])  # fmt: skip
def test_wrong_flags_end_with_2_and_one_line(main, tmp_path, flags, message):
    code, _, err = main([demonstration("one")], "--output", tmp_path / "x", *flags)
    assert code == 2 and message in err and len(err.strip().splitlines()) == 1


def test_list_names_every_demonstration_with_its_link():
    done = subprocess.run([sys.executable, "-m", "minigoog.sparsity", "--list"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr
    for name, d in program.DEMONSTRATIONS.items():
        assert f"{name:<14} {d.link}  {d.title}" in done.stdout


def test_what_a_part_was_measured_on_is_kept_with_it(tmp_path):
    run(["one"], {"one": demonstration("one")}, tmp_path, seed=7, say=lambda line: None)
    part = json.loads((tmp_path / "one" / "part.json").read_text())
    assert part["numbers"] == {"value": 7} and part["seed"] == 7 and part["machine"]["processor"] and part["finished"].endswith("+00:00")


def test_a_real_demonstration_runs_from_the_command_line_and_resumes(tmp_path):
    command = [sys.executable, "-m", "minigoog.sparsity", "blow_up", "--quick", "--output", tmp_path]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0 and not done.stderr and "L6  blow_up        holds\n" in done.stdout
    page = (tmp_path / "report.html").read_text()
    assert "A quick run" in page and "4,944 channels" in page
