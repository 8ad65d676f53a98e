"""Where numbers were measured."""

import platform
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ... import __version__
from ...config import config


@cache
def machine() -> dict[str, Any]:
    """The processor and what computes on it, by name."""
    facts: dict[str, Any] = config()
    return {"processor": processor(), "minigoog": __version__} | facts


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def processor() -> str:
    """The processor's name, as Linux gives it, or else the name of its family."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
