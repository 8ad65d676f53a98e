"""Numbers as text."""

from minigoog.text import duration, human_bytes


def test_durations():
    assert [duration(s) for s in (0.4, 59.4, 59.6, 725, 11525.2)] == ["0 s", "59 s", "1:00", "12:05", "3:12:05"]


def test_bytes():
    texts = ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "1.0 GiB", "2048.0 GiB"]
    assert [human_bytes(n) for n in (0, 1023, 1024, 1.5 * 2**20, 2**30, 2**41)] == texts
