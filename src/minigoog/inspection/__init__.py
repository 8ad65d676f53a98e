"""Looking into networks: their layers in a table, and what two of them differ in."""

from .diff import diff
from .summary import summary

__all__ = ["diff", "summary"]
