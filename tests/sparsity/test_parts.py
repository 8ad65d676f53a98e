"""Parts of an experiment: each computed once, by any of the processes."""

import threading
import time

from minigoog.sparsity.runner.demonstration import Setting
from minigoog.sparsity.runner.parts import work_through


def test_several_workers_share_the_parts_and_all_have_all_results(tmp_path):
    computed, results = [], []

    def part(i):
        def compute():
            computed.append(i)
            time.sleep(0.01)  # so that others come by while it is at work
            return {"square": i * i}

        return compute

    def worker():
        results.append(work_through(Setting(tmp_path, say=lambda line: None), {f"part-{i}": part(i) for i in range(12)}))

    workers = [threading.Thread(target=worker) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join(60)
    assert sorted(computed) == list(range(12))
    assert results == [{f"part-{i}": {"square": i * i} for i in range(12)}] * 4
    assert not list(tmp_path.glob(".*.lock"))


def test_the_lock_of_a_process_that_is_gone_blocks_no_other(tmp_path):
    (tmp_path / ".a.lock").touch()
    assert work_through(Setting(tmp_path, say=lambda line: None), {"a": lambda: {"x": 1}}) == {"a": {"x": 1}}


def test_progress_and_the_time_left_are_reported(tmp_path):
    lines = []
    work_through(Setting(tmp_path, say=lines.append), dict.fromkeys("abc", dict))
    assert lines[0] == "part 1 of 3: a" and lines[2] == "part 3 of 3: c, 0 s left"
    work_through(Setting(tmp_path, say=lines.append), dict.fromkeys("abc", dict))
    assert len(lines) == 3
