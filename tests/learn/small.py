"""What the tests share: what the program prints, and a small exercise."""

import numpy as np

from minigoog.learn import __main__ as program
from minigoog.learn.exercise import Case, Exercise


def run(capsys, *words, code=0):
    """What the program prints, with this exit code."""
    try:
        program.main([*map(str, words)])
        assert code == 0
    except SystemExit as end:
        assert end.code == code, capsys.readouterr()
    printed = capsys.readouterr()
    return printed.out + printed.err


def doubled(**changed):
    def double(x):
        """Twice x."""
        return 2 * x

    x = np.array([[1, 2], [3, 4]], np.float32)
    return Exercise(**{"solution": double, "expected": lambda x: x + x, "cases": [Case("four numbers", {"x": x})], "mistakes": {},
                       "title": "twice"} | changed)  # fmt: skip
