"""The accuracies of `sparsity` over several processes: each network and each image on exactly one, and the numbers of one process."""

import contextlib
import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.kernels import native
from minigoog.parallel import Alone
from minigoog.parallel.deal import blocks
from minigoog.sparsity.__main__ import main
from minigoog.train import Config, fit
from tests.train.runs import few_digits

from . import processes
from .processes import ROOT
from .sharing import small
from .test_synchronous import quick_epochs  # noqa: F401  a fixture

pytestmark = pytest.mark.skipif(native is None, reason="milliseconds are those of plans, which need the C kernels")


def ranks_of(size):
    ranks = Alone()
    ranks.size = size
    return ranks


@given(st.integers(0, 500), st.integers(1, 64), st.integers(1, 9))
def test_each_image_is_on_one_process_in_a_batch_of_one_process(n, size, processes):
    found = blocks(n, size, ranks_of(processes))
    assert len(found) == processes and [i for part in found for i in part] == list(range(n))
    assert all(part.start % size == 0 for part in found if part)


def on_two(trained, *flags):
    """What two processes print."""
    done = processes.run(2, "-m", "tests.parallel.sharing", trained, *flags, folder=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def here(trained, *flags):
    """The same on one process."""
    with small(trained), contextlib.suppress(SystemExit):
        main([*map(str, flags)])


def result(folder):
    return json.loads((folder / "accuracy" / "result.json").read_text())["numbers"]


def test_two_processes_train_each_network_once_and_find_the_numbers_of_one(tmp_path):
    one, two, flags = tmp_path / "1", tmp_path / "2", ["accuracy", "--quick", "--output"]
    here(tmp_path / "trained1", *flags, one)
    (two / "accuracy").mkdir(parents=True)
    for name in ("settings.json", "accuracy/sizes.json"):  # with the widths, which depend on measured milliseconds
        shutil.copy(one / name, two / name)
    assert on_two(tmp_path / "trained2", *flags, two).count("L6  accuracy ") == 1  # only the first process prints
    assert result(one) == result(two) and len(result(one)["networks"]) == 8
    ranks, seeds = zip(*map(str.split, (tmp_path / "trained2").read_text().splitlines()), strict=True)
    assert set(ranks) == {"0", "1"}
    assert sorted(seeds) == sorted(line.split()[1] for line in (tmp_path / "trained1").read_text().splitlines())


def test_two_processes_share_the_images_of_a_frontier(tmp_path):
    with few_digits(100, 40):
        fit(Config(model="tiny", epochs=1, batch_size=20, workers=0, lr=0.1, output=tmp_path / "run"))
    flags = ["frontier", "--run", tmp_path / "run", "--densities", "0.5", "--rounds", "1", "--batches", "1", "--workers", "0", "--output"]
    here(tmp_path / "none", *flags, tmp_path / "1")
    on_two(tmp_path / "none", *flags, tmp_path / "2")
    points = [json.loads((tmp_path / n / "frontier.json").read_text())["points"] for n in ("1", "2")]
    found = [[(p["checksum"], p["density"], p["accuracy"]) for p in each] for each in points]
    assert found[0] == found[1] and len(found[0]) == 2 and 0 < found[0][0][2] < 1
