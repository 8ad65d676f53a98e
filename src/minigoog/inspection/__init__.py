"""Looking into networks: their layers in a table, what two of them differ in, and one image step by step through every operation."""

from .branch_ledger import branch_ledger
from .diff import diff
from .summary import summary
from .trace import Trace, trace

__all__ = ["branch_ledger", "diff", "summary", "Trace", "trace"]
