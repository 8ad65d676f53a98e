"""Looking into networks: their layers in a table, what two of them differ in, and one image step by step through every operation."""

from .diff import diff
from .summary import summary
from .trace import Trace, trace

__all__ = ["diff", "summary", "Trace", "trace"]
