"""Contests between sparse and dense kernels: what their rows count, wrong answers, break-even densities. Nothing here looks at a time."""

import numpy as np
import pytest

from minigoog import nn
from minigoog.sparsity.speed import break_even, pruned
from minigoog.sparsity.speed.break_even import BREAK_EVEN, FC6
from minigoog.sparsity.speed.contest import Contest, dense_layer, fastest, one_thread, random_pattern
from minigoog.sparsity.speed.turns import WrongAnswer, take_turns

KERNELS = ["auto", "direct", "plan", "textbook", "CSR", "blocks of 32"]


def test_pruned_weights_are_timed_in_their_groups(native):
    w = np.random.default_rng(0).standard_normal((3, 3, 4, 16), np.float32)
    w[np.abs(w) < 1.5] = 0
    contest = pruned.pruned_contest(pruned.Pruned("file.npz", "alexnet/conv.weight", 9, 1, 2), w, 1)
    kept = np.count_nonzero(w)
    rows = contest.rows(dict.fromkeys(contest.runs, 2.0), 100.0)
    assert [row["kernel"] for row in rows] == [*KERNELS, pruned.RANDOM] and {row["layer"] for row in rows} == {"alexnet/conv"}
    facts = {row["kernel"]: row for row in rows}
    assert facts["CSR"]["density"] == facts["blocks of 32"]["density"] == kept / w.size  # zeros in blocks are no use
    assert facts["CSR"]["gflops"] == facts["blocks of 32"]["gflops"] == pytest.approx(2 * 81 * kept / 2.0 * 1e-6)
    assert facts["direct"]["gflops"] == pytest.approx(2 * 81 * w.size / 2.0 * 1e-6) and facts["direct"]["per_operation"] == 1
    assert facts["CSR"]["per_operation"] == pytest.approx(kept / w.size) and facts["CSR"]["share"] == facts["CSR"]["gflops"] / 100


def test_the_reference_is_the_fastest_dense_kernel(native):
    contest = Contest("layer", dense_layer(np.random.default_rng(0), 4, 32, 1), np.ones((1, 3, 3, 4), np.float32))
    contest.add("CSR", 0.5, random_pattern((1, 1, 4, 32), 0.5, 1, np.random.default_rng(0)))
    rows = contest.rows({"auto": 4.0, "direct": 3.0, "plan": 2.0, ("CSR", 0.5): 1.0}, 1.0)
    assert [row["x_dense"] for row in rows] == [0.5, 2 / 3, 1, 2] and {row["best_dense"] for row in rows} == {"plan"}


def test_a_wrong_answer_is_not_timed(native, monkeypatch):
    contest = Contest("layer", nn.Conv2d(4, 32, 3, padding=1, bias=False), np.ones((2, 5, 5, 4), np.float32))
    right = native.sparse_conv2d
    monkeypatch.setattr(native, "sparse_conv2d", lambda *args, **settings: right(*args, **settings) * np.float32(1.001))
    with pytest.raises(WrongAnswer, match=r"^layer, CSR: its result differs by 0\.001 of the largest value"):
        contest.add("CSR", 1.0, random_pattern((3, 3, 4, 32), 1.0, 1, np.random.default_rng(0)))
    assert not contest.sparse


def test_each_round_starts_with_the_next_contestant():
    order = []
    times = take_turns({name: lambda name=name: order.append(name) or float(len(order)) for name in "abc"}, 4)
    assert "".join(order) == "abc" "bca" "cab" "abc"
    assert times["a"] == [1, 6, 8, 10]
    assert take_turns({}, 2) == {}


@pytest.mark.parametrize("density", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("block", [1, 32])
def test_a_random_pattern_has_as_many_blocks_as_its_density_says_and_at_least_one(density, block):
    pattern = random_pattern((3, 3, 5, 64), density, block, np.random.default_rng(0))
    assert len(pattern.col_indices) == max(1, round(density * 45 * 64 / block)) and pattern.block == block


@pytest.mark.parametrize("points, expected", [
    ([(0.1, 10.0), (0.3, 2.0), (0.5, 0.5)], 0.3 + 0.2 * 0.5 / 1.5),  # times 0.5 and 2 of the dense one: 1 lies a third of the way
    ([(0.1, 10.0), (0.2, 5.0)], 0.2),  # still faster at the highest density
    ([(0.1, 0.9), (0.2, 0.5)], 0.0),  # never faster
])
def test_break_even_is_where_a_straight_line_of_times_meets_the_dense_one(points, expected):
    rows = [{"kernel": "CSR", "density": density, "x_dense": ratio} for density, ratio in reversed(points)]
    assert break_even.break_even(rows, "CSR") == pytest.approx(expected)


def test_turns_call_every_contestant_and_one_thread_is_given_back(native, threads):
    threads(2)
    called = []
    with one_thread():
        assert native.machine.threads() == 1
        times = fastest({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, 3)
    assert native.machine.threads() == 2 and set(called) == {"a", "b"} and all(ms > 0 for ms in times.values())


def rows_of(layer, csr_at_1, csr_at_10):
    """Rows as a contest has them, of a dense kernel of 100 GFLOP/s, from how many times as fast CSR is at 1% and at 10%."""
    facts = [("plan", 1.0, 1.0), ("textbook", 0.01, 2.0), ("textbook", 0.1, 0.2), ("CSR", 0.01, csr_at_1), ("CSR", 0.1, csr_at_10),
             ("blocks of 32", 0.1, 8.0)]
    return [{"layer": layer, "kernel": kernel, "density": density, "x_dense": x, "gflops": 100 * density * x, "best_dense": "plan"}
            for kernel, density, x in facts]


@pytest.mark.parametrize("csr, verdict", [((0.9, 0.5), "holds"), ((30, 4.9), "holds partly"), ((30, 5.1), "contradicted")])
def test_the_verdict_on_sparse_hardware_follows_its_rule(csr, verdict):
    rows = [row for layer, factor in (("a", 0.1), ("b", 1), ("c", 9)) for row in rows_of(layer, csr[0] * factor, csr[1] * factor)]
    found, why, _ = BREAK_EVEN.judge({"rows": rows + rows_of(FC6, 50, 8)})
    assert found == verdict and f"{csr[0]:.1f} times faster" in why and "8.0 times as fast" in why  # the median, without fc6
    assert ("The conclusion stands" in why) == (csr[0] < 1) and ("Little remains" in why) == (verdict == "contradicted")


@pytest.mark.parametrize("csr_ms, verdict", [(11, "holds"), (6, "holds partly"), (1.5, "contradicted")])
def test_the_verdict_on_pruned_weights_follows_its_rule(csr_ms, verdict):
    facts = [("plan", 1.0, 10.0), ("textbook", 0.1, 50.0), ("CSR", 0.1, csr_ms), ("blocks of 32", 0.1, 9.0), (pruned.RANDOM, 0.1, 3.0)]
    rows = [{"layer": "a", "kernel": kernel, "density": density, "ms": ms, "gflops": 1000 * density / ms, "best_dense": "plan"}
            for kernel, density, ms in facts]
    found, why, _ = pruned.PRUNED.judge({"rows": rows, "missing": []})
    assert found == verdict and "keep 10% of their operations" in why and "where operations promise 10.0 times" in why


def test_missing_pruned_weights_are_named_and_give_no_verdict(native, tmp_path, monkeypatch):
    from minigoog.sparsity.runner.demonstration import Setting

    monkeypatch.setenv("MINIGOOG_DATA", str(tmp_path))
    said = []
    numbers = pruned.PRUNED.measure(Setting(tmp_path, quick=True, say=said.append))
    assert said == [f"  skipped, not in {tmp_path / 'pruned'} (set MINIGOOG_DATA): {pruned.SKIMCAFFE}"]
    assert pruned.PRUNED.judge(numbers)[0] == "not measured" and pruned.PRUNED.table(numbers)[1] == []


@pytest.mark.parametrize("write, said", [
    (lambda path: path.write_bytes(b"PK\3\4 no zip"), "not a file of pruned weights"),
    (lambda path: path.write_bytes(b""), "not a file of pruned weights"),
    (lambda path: np.savez(path, other=np.ones(3)), "There is no item named 'conv.npy'"),
    (lambda path: np.savez(path, conv=np.ones(3)), r"`conv` is float64 of shape \(3,\), expected numbers \[kh, kw, cin, cout\]"),
    (lambda path: np.savez(path, conv=np.array([{}])), "not a file of pruned weights"),
])  # fmt: skip
def test_a_damaged_file_of_pruned_weights_is_named(tmp_path, write, said):
    write(tmp_path / "file.npz")
    with pytest.raises(ValueError, match=rf"file\.npz: .*{said}"):
        list(pruned.pruned_weights(tmp_path, [pruned.Pruned("file.npz", "conv", 9, 1)]))
