"""Looking into networks: a table of their layers, the differences between two of them, and one image traced through every operation."""

from .branches.ledger import branch_ledger
from .rules import Breakdown, Pointwise, Rule, add_up, copied, rule_for
from .summary.diff import diff
from .summary.summary import summary
from .trace.trace import Trace, trace

__all__ = [
    "add_up", "branch_ledger", "Breakdown", "copied", "diff", "Pointwise", "Rule", "rule_for", "summary", "Trace", "trace",
]
