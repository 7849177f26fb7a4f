"""Tables in the terminal: one look for every result, with units at every number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import StringIO
from typing import Any, Literal

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def si(value: float, unit: str, digits: int = 4) -> str:
    """Return ``value`` with ``unit`` and the engineering prefix that suits it.

    Example:
        >>> si(3.2e-7, "J")
        '320 nJ'
        >>> si(0.0, "s")
        '0 s'
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    rounded = float(f"{value:.{digits - 1}e}")
    exponent = 3 * math.floor(math.log10(abs(rounded)) / 3 + 1e-12)
    exponent = max(min(exponent, 12), -15)
    return f"{rounded / 10.0**exponent:.{digits}g} {_PREFIXES[exponent]}{unit}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Return a table whose first column is text and whose others are aligned right.

    Args:
        title: Line above the table.
        columns: Headings; those of numbers name the unit unless each cell does.
        rows: Cells, converted with ``str``; integers get thousands separators.
    """
    # A title may be wider than its table, and is not to be wrapped, nor read as markup.
    heading = Text(title, style="bold", no_wrap=True, overflow="ignore")
    grid = Table(title=heading, title_justify="left", title_style="", header_style="bold")
    for number, column in enumerate(columns):
        # Folded where the terminal is narrow: a figure cut short would be another one.
        justify: Literal["left", "right"] = "left" if number == 0 else "right"
        grid.add_column(Text(column), justify=justify, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    return grid


def render(renderable: RenderableType, width: int = 100) -> str:
    """Return what ``renderable`` looks like as plain text of at most ``width`` columns."""
    buffer = StringIO()
    Console(file=buffer, width=width, force_terminal=False, color_system=None).print(renderable)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _cell(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
