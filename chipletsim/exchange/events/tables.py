"""Names under which tools keep times, addresses and polarities in arrays."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from chipletsim.exchange.events.recording import fault

TIMES = ("t", "time", "times", "ts", "timestamp", "timestamps")
UNITS = ("units", "unit", "channel", "channels", "neuron", "neurons", "idx")
X, Y, P = ("x",), ("y",), ("p", "pol", "polarity", "polarities", "on")


class Columns(NamedTuple):
    """Names of the arrays of events.

    Attributes:
        time: Of the times.
        address: Of the channel; or of y and x; or of polarity, y and x.
    """

    time: str
    address: tuple[str, ...]


def find_columns(names: Collection[str], path: Path) -> Columns:
    """Return which arrays hold events.

    Raises:
        ConfigError: None do, or it is not clear which.
    """
    found = {
        what: [name for name in options if name in names]
        for what, options in {"t": TIMES, "unit": UNITS, "x": X, "y": Y, "p": P}.items()
    }
    several = [" and ".join(each) for each in found.values() if len(each) > 1]
    if several:
        raise fault(path, f"holds both {several[0]}; expected one of them")
    time, unit, x, y, p = (each[0] if each else None for each in found.values())
    if time is not None and unit is not None and x is None and y is None and p is None:
        return Columns(time, (unit,))
    if time is not None and x is not None and y is not None and unit is None:
        return Columns(time, (y, x) if p is None else (p, y, x))
    known = ", ".join(sorted(names)[:12]) or "nothing"
    raise fault(
        path,
        "holds no events: expected arrays `t`, `x`, `y` and maybe `p`, or `times` and `units`;"
        f" it holds {known}",
    )
