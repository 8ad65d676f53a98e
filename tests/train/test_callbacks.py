"""Who watches a run is told what metrics.jsonl says; TensorBoard reads it from event files."""

import subprocess
import sys

import pytest

from minigoog.train import Callback, Config, Interrupted, fit, loop, resume

from .runs import TINY, assert_resumes_with_the_same_bits, few_digits, metrics_of, quick_epochs, stop_after

SMALL = TINY | {"batch_size": 16, "epochs": 2}


class Notes(Callback):
    def __init__(self, ends=99):
        self.told, self.ends = [], ends

    def on_begin(self, trainer):
        self.told.append(("begin", trainer.progress.total_steps))

    def on_steps(self, trainer, facts):
        self.told.append(("steps", facts))

    def on_epoch(self, trainer, facts):
        self.told.append(("epoch", facts))
        return facts["epoch"] == self.ends

    def on_end(self, trainer):
        self.told.append(("end", trainer.progress.epoch))


def test_a_callback_is_told_every_line_of_the_metrics(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 3)
    notes = Notes()
    with quick_epochs():
        fit(Config(**SMALL, output=str(tmp_path / "run")), callbacks=[notes])
    kinds, facts = zip(*notes.told, strict=True)
    assert kinds == ("begin", "steps", "epoch", "steps", "epoch", "end") and (facts[0], facts[-1]) == (0, 2)
    assert list(facts[1:-1]) == metrics_of(tmp_path / "run", "epoch")


def test_a_callback_can_end_a_run(tmp_path):
    with quick_epochs():
        fit(Config(**SMALL | {"epochs": 5}, output=str(tmp_path / "run")), callbacks=[Notes(), Notes(ends=2)])
        assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1, 2]
        resume(tmp_path / "run")  # which had only been ended
    assert [line["epoch"] for line in metrics_of(tmp_path / "run")] == [1, 2, 3, 4, 5]


def test_what_is_no_callback_is_refused(tmp_path):
    with pytest.raises(TypeError, match="train: `callbacks` has 'print', expected objects of subclasses of Callback"):
        fit(Config(**SMALL, output=str(tmp_path / "run")), callbacks=["print"])
    assert not (tmp_path / "run").exists()


def test_event_files_have_the_metrics_of_a_run_that_was_stopped_and_resumed(tmp_path, monkeypatch):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed")
    monkeypatch.setattr(loop, "LOG_EVERY", 3)
    settings = SMALL | {"tensorboard": True}
    with quick_epochs():
        with monkeypatch.context() as patch:
            stop_after(patch, 7)
            with pytest.raises(Interrupted):
                fit(Config(**settings, output=str(tmp_path / "run")))
        resume(tmp_path / "run")
    events = reader.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()

    def read(tag):
        return [(event.step, event.value) for event in events.Scalars(tag)]

    epochs, steps = (metrics_of(tmp_path / "run", kind) for kind in ("test_loss", "losses"))
    assert len(epochs) == 2 and len(steps) == 2
    assert read("loss/test") == [(4 * line["epoch"], pytest.approx(line["test_loss"])) for line in epochs]
    assert read("accuracy/train") == [(4 * line["epoch"], pytest.approx(line["train_accuracy"])) for line in epochs]
    assert read("loss/head_0") == [(line["step"], pytest.approx(line["losses"][0])) for line in steps]
    assert read("lr") == [(line["step"], pytest.approx(line["lr"])) for line in steps]


def test_without_tensorboard_the_extra_is_named(tmp_path):
    code = "import sys; sys.modules['tensorboard'] = None; from minigoog.train.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "--tiny", "--tensorboard", "--output", "run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode and "pip install 'minigoog[tensorboard]'" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_run_with_adam_resumes_with_the_same_bits(tmp_path, monkeypatch, optimizer):
    settings = SMALL | {"optimizer": optimizer, "lr": 1e-3, "class_weights": "balanced", "cutout": 3, "staleness": 1}
    assert_resumes_with_the_same_bits(tmp_path, monkeypatch, settings)


def test_a_momentum_of_1_is_refused_for_adam():
    with pytest.raises(ValueError, match="train: `momentum` is 1 and `beta2` 0.999, expected both below 1 for adamw"):
        Config(optimizer="adamw", momentum=1.0)
    Config(momentum=1.0)


def test_balanced_classes_have_the_same_share_of_the_loss(tmp_path):
    from minigoog.train.setup import prepare

    with few_digits(50, 40):
        setup, plain = prepare(Config(**SMALL, class_weights="balanced")), prepare(Config(**SMALL))
    weights, labels = setup.class_weights, setup.train.labels
    shares = [weights[labels[labels == k]].sum() for k in range(10)]
    assert min(shares) == pytest.approx(max(shares)) and weights[labels].mean() == pytest.approx(1)
    assert plain.class_weights is None
