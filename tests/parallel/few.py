"""Run by the tests on several processes: the training program. sys.argv: how many digits for training and testing, then flags."""

import sys
from unittest.mock import patch

from minigoog import curves
from minigoog.train.__main__ import main
from tests.train.runs import few_digits

with few_digits(int(sys.argv[1]), int(sys.argv[2])), patch.object(curves, "draw", lambda *_: None):
    main(sys.argv[3:])
