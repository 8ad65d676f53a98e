"""Looking into networks: their layers in a table, what two of them differ in, and one image step by step through every operation."""

from .branches.ledger import branch_ledger
from .summary.diff import diff
from .summary.summary import summary
from .trace.trace import Trace, trace

__all__ = ["branch_ledger", "diff", "summary", "Trace", "trace"]
