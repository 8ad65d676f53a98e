"""Energy of the processor, as Linux reports it (RAPL), of this machine as a whole. Worker processes use this: no minigoog here."""

from pathlib import Path

ZONES = Path("/sys/class/powercap")


def joules(zones: Path = ZONES) -> float | None:
    """A count of joules that grows, over all packages; None where it is not reported, or not to this user."""
    try:
        found = [int(path.read_text()) for path in sorted(zones.glob("intel-rapl:[0-9]/energy_uj"))]
    except OSError:
        return None
    return sum(found) * 1e-6 if found else None


def spent(before: float | None, after: float | None, runs: int) -> float | None:
    """Joules of one run; None where it is not known, or the counter began anew in between."""
    return None if before is None or after is None or after < before else (after - before) / runs
