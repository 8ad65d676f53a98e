"""Training in bf16."""

from unittest.mock import patch

import numpy as np
import pytest

from minigoog.formats import safetensors
from minigoog.kernels.native import bf16_training
from minigoog.train import Config, fit
from tests.train.runs import TINY, assert_resumes_with_the_same_bits, quick_epochs

SETTINGS = TINY | {"augment": "none", "epochs": 1, "batch_size": 28}


def weights(folder, **settings):
    """The last weights of a run of an epoch."""
    with quick_epochs():
        fit(Config(**SETTINGS, **settings, output=str(folder)))
    return safetensors.load(folder / "last.safetensors")[0]


def test_bf16_trains_other_bits_than_float32_which_do_not_depend_on_the_threads(tmp_path):
    exact, coarse = weights(tmp_path / "float32"), weights(tmp_path / "bf16", precision="bf16")
    again = weights(tmp_path / "again", precision="bf16", threads=1)
    assert any(not np.array_equal(exact[name], coarse[name]) for name in exact)
    assert all(np.array_equal(again[name], coarse[name]) and coarse[name].dtype == np.float32 for name in exact)


def test_a_run_that_was_stopped_resumes_in_its_precision(tmp_path, monkeypatch):
    assert_resumes_with_the_same_bits(tmp_path, monkeypatch, TINY | {"augment": "none", "precision": "bf16", "batch_size": 16})


@pytest.mark.parametrize("is_fast", [False, True])
def test_a_cpu_without_the_instruction_is_told_that_float32_is_faster(tmp_path, capsys, is_fast):
    with patch.object(bf16_training, "is_fast", lambda: is_fast):
        weights(tmp_path / "run", precision="bf16")
    assert ("no instruction for products of bf16 (AVX512_BF16)" in capsys.readouterr().out) != is_fast
