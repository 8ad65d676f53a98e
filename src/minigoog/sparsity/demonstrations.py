"""The demonstrations, in the order of the argument."""

from .accuracy import ACCURACY, PATTERN

DEMONSTRATIONS = {demonstration.name: demonstration for demonstration in (PATTERN, ACCURACY)}
