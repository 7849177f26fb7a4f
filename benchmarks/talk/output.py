"""What the three commands have in common: their arguments, tables, findings and files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, RenderableType
from rich.text import Text

from benchmarks import harness
from benchmarks.harness import Row

_WIDTH = 165


class Arguments(NamedTuple):
    """Arguments of a command.

    Attributes:
        quick: Whether to take the small case.
        json: File for the rows, or None.
        figure: File for the figure, or None.
    """

    quick: bool
    json: Path | None
    figure: Path | None


def arguments(name: str, about: str | None, *, figure: bool = True) -> Arguments:
    """Read the command line.

    Args:
        name: Name of the module.
        about: What the command does.
        figure: Whether the command draws one.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.talk.{name}", description=about)
    parser.add_argument("--quick", action="store_true", help="a small case, in under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows to FILE")
    if figure:
        parser.add_argument("--figure", type=Path, metavar="FILE", help="draw to FILE")
    found = parser.parse_args()
    return Arguments(found.quick, found.json, found.figure if figure else None)


def show(
    name: str,
    tables: Sequence[RenderableType],
    findings: Sequence[str],
    rows: Sequence[Row],
    json_path: Path | None,
) -> None:
    """Print tables and findings, and write the rows.

    Args:
        name: Name of the benchmark.
        tables: What to print.
        findings: Sentences, each printed as an item.
        rows: Figures for the file.
        json_path: File to write, or None.
    """
    console = Console(width=None if Console().is_terminal else _WIDTH)
    for each in tables:
        console.print(each)
    console.print(Text("Findings", style="bold"))
    for sentence in findings:
        console.print(Text(f"  - {sentence}"))
    if json_path is not None:
        harness.write(name, rows, json_path, harness.machine())


def factor(value: float) -> str:
    """Return a ratio as it is printed.

    Example:
        >>> factor(15.234), factor(0.0712)
        ('15.2x', '0.0712x')
    """
    return f"{value:.3g}x"


def share(value: float) -> str:
    """Return a share in percent as it is printed; what is not 0 is not printed as 0.

    Example:
        >>> share(0.5), share(0.0), share(1e-5)
        ('50.0 %', '0 %', '<0.1 %')
    """
    if 0 < value < 0.001:
        return "<0.1 %"
    return f"{100 * value:.1f} %" if value else "0 %"
