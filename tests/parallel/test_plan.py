"""The model of cost: beside calculations by hand; and the program that prints it."""

import argparse

import pytest

from minigoog import figures
from minigoog.parallel.__main__ import _network, main
from minigoog.parallel.cost import Cost, bits_per_second

COST = Cost(image_seconds=0.1, gradient_bytes=8e6, update_seconds=0.01, latency=1e-3, bandwidth=1e6)


@pytest.mark.parametrize("machines, expected", [
    (1, 6.4 + 0.01),  # 64 images
    (4, 1.6 + 2 * 3 * (0.001 + 2.0) + 0.01),  # 16 images; 3 slices of 2 MB to the others, and 3 back
])  # fmt: skip
def test_a_synchronous_step_is_computing_and_two_exchanges(machines, expected):
    assert COST.synchronous(machines, 64) == pytest.approx(expected)


def test_overlap_hides_the_shorter_of_the_two():
    assert COST._replace(overlap=1.0).synchronous(4, 64) == pytest.approx(2 * 3 * 2.001 + 0.01)


def test_replicas_share_the_links_of_the_server():
    quick = COST._replace(bandwidth=1e12)
    assert quick.server(4, 64, 1) == pytest.approx((6.4 + 0.002) / 4, rel=1e-4)  # nothing but computing
    assert COST.server(1000, 64, 1) == pytest.approx(8.001) and COST.server(1000, 64, 8) == pytest.approx(1.001)  # nothing but the link


@pytest.mark.parametrize("text, bits", [("10G", 1e10), ("100M", 1e8), ("2.5g", 2.5e9), ("800", 800)])
def test_a_network_is_given_in_bits_a_second(text, bits):
    assert bits_per_second(text) == bits and _network(text) == bits / 8


@pytest.mark.parametrize("text", ["", "fast", "G", "-1G", "0", "nanG"])
def test_anything_else_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected bits a second, such as 10G"):
        _network(text)


def test_the_plan_says_and_draws_where_synchronous_training_stops_scaling_and_where_distbelief_was(capsys, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    drawn, save = [], figures.save
    monkeypatch.setattr(figures, "save", lambda figure, *where: drawn.append(figure) or save(figure, *where))
    main(["plan", "--model", "tiny", "--machines", "8", "--network", "1M", "--image-ms", "10", "--output", str(tmp_path / "plan.svg")])
    printed = capsys.readouterr().out
    assert "tiny: 0.4 MB a message, 10.0 ms an image\n" in printed and "stops scaling at 2 machines" in printed
    assert "DistBelief, for speech: 20 to 200 replicas" in printed
    assert (tmp_path / "plan.svg").stat().st_size > 1000
    found = dict(zip(*reversed(drawn[0].axes[0].get_legend_handles_labels()), strict=True))
    assert list(found["synchronous training stops scaling"].get_xdata()) == [2, 2]
    assert found["DistBelief's replicas"].get_extents() is not None and drawn[0].axes[0].get_xlim()[1] > 200


@pytest.mark.parametrize("flag, text, expected", [
    ("--image-ms", "-40", "a number from 1e-06 to 1e+09"), ("--image-ms", "nan", "a number"), ("--image-ms", "0", "a number from 1e-06"),
    ("--latency", "-1000", "a number from 0 to 1e+09"), ("--latency", "inf", "a number"), ("--overlap", "7", "a number from 0 to 1,"),
    ("--overlap", "-0.1", "a number"), ("--batch-size", "9" * 400, "an integer from 1 to"), ("--shards", "9" * 400, "an integer from 1 to"),
])  # fmt: skip
def test_impossible_numbers_are_refused_by_the_name_of_their_flag(capsys, flag, text, expected):
    with pytest.raises(SystemExit) as end:
        main(["plan", "--model", "tiny", "--image-ms", "10", flag, text])
    assert end.value.code == 2 and f"argument {flag}: expected {expected}" in capsys.readouterr().err


def test_the_limits_themselves_are_possible(capsys):
    main(["plan", "--model", "tiny", "--image-ms", "1e-6", "--latency", "0", "--overlap", "1", "--batch-size", str(1 << 32)])
    assert "0.0 ms an image\n" in capsys.readouterr().out
