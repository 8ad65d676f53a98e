"""Verdicts: five words, computed from answers with margins."""

import math
from collections.abc import Iterable
from typing import NamedTuple

HOLDS, PARTLY, CONTRADICTED, UNDECIDED, NOT_MEASURED = "holds", "holds partly", "contradicted", "undecided", "not measured"
VERDICTS = (HOLDS, PARTLY, CONTRADICTED, UNDECIDED, NOT_MEASURED)


class Margin(NamedTuple):
    """One question of a rule: what was measured, how far chance may have moved it, and the threshold that it is compared with.

    answer: True or False, or None where the interval leaves it open. seeds: then about so many would decide, if the value stayed (see
    `needed`); 0: not known, as where there is no interval."""

    about: str
    value: float
    chance: float
    threshold: float
    answer: bool | None
    unit: str = ""
    seeds: int = 0

    @property
    def words(self) -> str:
        """The margin as text."""
        chance = f" ± {self.chance:.3g}" if self.chance else ""
        return f"{self.about}: {self.value:.3g}{chance}{self.unit}, threshold {self.threshold:.3g}{self.unit}{self.power}"

    @property
    def power(self) -> str:
        """How many seeds would decide an open question, as text."""
        return f"; undecided: about {self.seeds:,} seeds would decide" if self.answer is None and self.seeds else ""


class Verdict(NamedTuple):
    """One of VERDICTS, why (a sentence with the numbers in it), and the margins behind it."""

    word: str
    why: str
    margins: tuple[Margin, ...] = ()


def needed(seeds: int, chance: float, distance: float) -> int:
    """How many seeds instead of `seeds` make an interval of +-`chance` as narrow as `distance`, if the value stays: it shrinks with their
    square root. 0 where the value is on the border."""
    return math.ceil(seeds * (chance / distance) ** 2) if distance > 0 else 0


def above(about: str, value: float, threshold: float, unit: str = "") -> Margin:
    """The question whether a value without an interval reaches a threshold."""
    return Margin(about, value, 0.0, threshold, value >= threshold, unit)


def below(about: str, value: float, threshold: float, unit: str = "") -> Margin:
    """The question whether a value without an interval stays at a threshold or below it."""
    return Margin(about, value, 0.0, threshold, value <= threshold, unit)


def combined(answers: Iterable[bool | None]) -> str:
    """holds if all are yes, holds partly if some are; otherwise contradicted if all are no, and undecided if one is open."""
    answers = list(answers)
    if all(answers):
        return HOLDS
    return PARTLY if any(answers) else UNDECIDED if None in answers else CONTRADICTED
