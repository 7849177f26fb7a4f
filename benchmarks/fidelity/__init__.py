"""Fidelity: all of it, beside each tool and paper that chipletsim follows.

The modules of this folder, one after the other; each says what its differences are. Parts whose
peers are not installed (``make peers``), or whose files are not there, are left out and named.
``make fidelity`` runs it and writes the tables of README.md.
"""

from __future__ import annotations

import sys
from importlib import import_module

from benchmarks.harness import Row

PARTS = (
    "nir",
    "nir_paper",
    "snntorch_live",
    "spikingjelly_live",
    "sanafe",
    "neuroscience",
    "interconnect",
)


def rows(quick: bool) -> list[Row]:
    """Return the figures of all parts that can be run here."""
    found: list[Row] = []
    for name in PARTS:
        part = import_module(f"benchmarks.fidelity.{name}")
        try:
            found += part.rows(quick)
        except RuntimeError as missing:
            print(f"left out: {name}: {missing}", file=sys.stderr)
    return found
