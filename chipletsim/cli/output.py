"""Data on stdout, everything else on stderr; colour only in a terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPED_WIDTH = 120


def show(*renderables: RenderableType) -> None:
    """Print tables or text on stdout; as plain text where that is no terminal."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)
    for renderable in renderables:
        console.print(renderable)


def line(text: str = "") -> None:
    """Print a line of data on stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Print a line for the person at the terminal on stderr."""
    sys.stderr.write(f"{text}\n")


def progress(text: str) -> None:
    """Print what is being done, where stderr is a terminal."""
    if sys.stderr.isatty():
        note(text)


def show_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    line(json.dumps(value, indent=2, allow_nan=False))
