"""Where a value came from."""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.spec.node import Node


@dataclass(frozen=True)
class Origin:
    """Where a value was written, and what it says of its source.

    Attributes:
        file: File, or the ``--set`` text; None for values made in Python.
        line: Line in the file, from one.
        source: Source of a constant that states one.
        year: Year of that source.
        provenance: How the constant was obtained from it, as stated.
    """

    file: str | None
    line: int | None
    source: str | None = None
    year: int | None = None
    provenance: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file or "set in Python"
        if not self.source:
            return place
        return f"{place}: {self.source}" + (f" ({self.year})" if self.year else "")


def origin(node: Node) -> Origin:
    """Return where a value was written, and its source."""
    stated = node.source or {}
    year = stated.get("year")
    return Origin(
        node.place.file,
        node.place.line,
        str(stated["source"]) if stated.get("source") else None,
        year if isinstance(year, int) else None,
        str(stated["provenance"]) if stated.get("provenance") else None,
    )
