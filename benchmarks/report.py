"""Results as a table, and one run beside another."""

import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from .load import Measured

BARE = "bare"
OURS = "ours"
PEER = "0.18.0"

Key = tuple[str, str, int]
Rounds = dict[Key, list[Measured]]


def summarised(rounds: Rounds) -> list[dict[str, Any]]:
    """Return the medians of the rounds of each operation, server and size."""
    return [
        {
            "operation": operation,
            "server": server,
            "datasets": size,
            "rate": median(round.rate for round in measured),
            "latency": median(round.latency for round in measured),
            "rates": [round.rate for round in measured],
            "share": _median(round.share for round in measured),
        }
        for (operation, server, size), measured in rounds.items()
    ]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    command = ["git", "describe", "--always", "--dirty"]
    here = Path(__file__).parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=here)
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "commit": done.stdout.strip(),
    }


class Results:
    """The results of one run.

    :param data: what a run writes as JSON
    """

    def __init__(self, data: dict[str, Any]):
        self.data = data
        self._rows = {
            (row["operation"], row["server"], row["datasets"]): row
            for row in data["results"]
        }
        self.sizes = sorted({key[2] for key in self._rows if key[2]})
        self.operations = list(dict.fromkeys(k[0] for k in self._rows if k[0] != BARE))

    def rate(self, operation: str, server: str, size: int) -> float | None:
        """Return right answers in a second, or None where it was not measured."""
        row = self._rows.get((operation, server, size))
        return row and row["rate"]

    def share(self, operation: str, size: int) -> float | None:
        """Return our rate as a share of the bare route's beside it.

        Older files have the bare route's rate in all rounds alone.
        """
        row = self._rows.get((operation, OURS, size))
        if row and row.get("share") is not None:
            return float(row["share"])
        return _ratio(self.rate(operation, OURS, size), self.rate(BARE, BARE, 0))

    def growth(self, operation: str) -> float | None:
        """Return how many times longer the median takes at the largest size."""
        first, last = (
            self._rows.get((operation, OURS, size))
            for size in (self.sizes[0], self.sizes[-1])
        )
        return _ratio(last and last["latency"], first and first["latency"])

    def table(self) -> str:
        """Return all that was measured, for a reader."""
        head = ["operation"]
        for size in self.sizes:
            head += [f"{size}", "of bare"]
            head += [PEER, "times"] if self._has_peer(size) else []
        rows = [[*head, "growth"]]
        for operation in self.operations:
            row = [operation]
            for size in self.sizes:
                rate = self.rate(operation, OURS, size)
                row += [_number(rate), _number(self.share(operation, size))]
                if self._has_peer(size):
                    theirs = self.rate(operation, PEER, size)
                    row += [_number(theirs), _number(_ratio(rate, theirs))]
            rows.append([*row, _number(self.growth(operation))])
        return "\n".join([_aligned(rows), "", *self._notes()])

    def _has_peer(self, size: int) -> bool:
        return any(key[1:] == (PEER, size) for key in self._rows)

    def _notes(self) -> Iterable[str]:
        yield f"bare route: {_number(self.rate(BARE, BARE, 0))} a second"
        for server in self.data["servers"]:
            of = f"{server['server']}, {server['datasets']} datasets"
            if server["seeding_rate"]:
                yield f"{of}: filled at {_number(server['seeding_rate'])} a second"
            if server["memory"]:
                yield f"{of}: largest worker {server['memory'] / 2**20:.0f} MiB"


def compared(before: Results, after: Results) -> str:
    """Return the shares of the bare route of two runs, and their ratio, as a table.

    Shares, and no rates: they may have been measured on different machines.
    """
    rows = [["operation", "datasets", "before", "after", "times"]]
    for operation in after.operations:
        for size in after.sizes:
            old, new = before.share(operation, size), after.share(operation, size)
            if old is not None and new is not None:
                shares = [_number(old), _number(new), _number(_ratio(new, old))]
                rows.append([operation, str(size), *shares])
    return _aligned(rows)


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
