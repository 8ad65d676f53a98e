"""The order in which messages came to the servers, in a file: JSON lines. With it a training is repeated, with the same bits."""

from pathlib import Path
from typing import Any

from ..reading import json_value, limited, open_regular, reading

NAME = "arrivals.jsonl"
LARGEST = 1 << 28  # bytes
WRONG = "not an order of arrivals"


def beginning(processes: int, servers: int) -> dict[str, int]:
    """The first line."""
    return {"processes": processes, "servers": servers}


def resumed(step: int) -> dict[str, int]:
    """A line that says that what the replicas had in hand was lost."""
    return {"resumed": step}


def part(server: int, order: list[int]) -> dict[str, Any]:
    """A line with whose messages came to a server since the last one: ranks, -rank where a replica had died."""
    return {"server": server, "order": order}


def read(path: Path, processes: int, servers: int) -> list[list[int]]:
    """The order of each server; ValueError if it is that of other processes, or of a run that was resumed."""
    with reading(path, WRONG), open_regular(path) as file:
        lines = [json_value(line, dict, longest=LARGEST) for line in limited(file, LARGEST).splitlines()]
        if not lines:
            raise ValueError("it is empty")
        if set(lines[0]) != {"processes", "servers"}:
            raise ValueError("its first line has no `processes` and `servers`")
        if any("resumed" in line for line in lines):
            raise ValueError("the run was resumed, and what its replicas had in hand was lost: it cannot be repeated")
        if lines[0] != beginning(processes, servers):
            was = f"{lines[0]['processes']} processes and {lines[0]['servers']} servers"
            raise ValueError(f"it is of {was}, expected {processes} and {servers}, as now")
        return _orders(lines[1:], processes, servers)


def _orders(lines: list[dict[str, Any]], processes: int, servers: int) -> list[list[int]]:
    orders: list[list[int]] = [[] for _ in range(servers)]
    for line in lines:
        server, order = line["server"], line["order"]
        known = type(server) is int and 0 <= server < servers and isinstance(order, list)
        if not known or not all(type(rank) is int and servers <= abs(rank) < processes for rank in order):
            raise ValueError(f"a line is not of one of {servers} servers and ranks from {servers} to {processes - 1}")
        orders[server] += order
    for order in orders:
        _check_deaths(order)
    return orders


def _check_deaths(order: list[int]) -> None:
    dead: set[int] = set()
    for rank in order:
        if abs(rank) in dead:
            raise ValueError(f"rank {abs(rank)} sends after it has died")
        if rank < 0:
            dead.add(-rank)
