"""``chipletsim validate``: check files and print what their constants come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chipletsim.cli.options import Json, Set, example, texts
from chipletsim.cli.output import line, show_json
from chipletsim.errors import ConfigError, Problem

if TYPE_CHECKING:
    from chipletsim.spec.kinds import FileKind
    from chipletsim.spec.load import Loaded

Files = Annotated[
    list[str], typer.Argument(metavar="FILE", help="Files, or names of shipped ones.")
]

NETWORK_KINDS = ("experiment", "sweep", "training")
"""Kinds of files that may name a NIR file."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=example(
            "chipletsim validate packages/two_dies",
            "chipletsim validate packages/two_dies --set network.link.bandwidth='64 GB/s'",
        )
    )(validate)


def validate(files: Files, overrides: Set = None, as_json: Json = False) -> None:
    """Check files and print resolved costs.

    Prints every constant with its value, place and source, and writes nothing. What
    only shows once things are built is found by `show` (routes) and `map` (capacities).
    """
    from chipletsim.spec.kinds import load_any

    problems: list[Problem] = []
    valid: list[dict[str, Any]] = []
    for file in files:
        try:
            valid.append(_report(file, *load_any(file, texts(overrides))))
        except ConfigError as error:
            problems += error.problems
    if as_json:
        show_json({"files": valid, "problems": [vars(problem) for problem in problems]})
    else:
        for report in valid:
            _print(report)
    if problems:
        raise ConfigError(problems)


def _report(file: str, kind: FileKind, loaded: Loaded[Any]) -> dict[str, Any]:
    """Return what is printed about a valid file.

    Raises:
        ConfigError: Its NIR network is not what the file asks of it.
    """
    report = {"file": file, "kind": kind.name, "hash": loaded.hash, "costs": _costs(loaded)}
    if kind.name not in NETWORK_KINDS:
        return report
    from chipletsim.stages import nir_reading

    read = nir_reading(loaded)
    return report | ({"nir_scheme": str(read.scheme), "notes": [*read.doubts]} if read else {})


def _costs(loaded: Loaded[Any]) -> list[dict[str, Any]]:
    """Return the constants with a unit or a source, each once however often it is used.

    Codecs of links stand among them: their kinds, and numbers such as the size of a block.
    """
    from chipletsim.spec.node import dotted
    from chipletsim.spec.origin import origin
    from chipletsim.units import is_quantity

    costs: dict[Any, dict[str, Any]] = {}
    for path, leaf in loaded.root.leaves():
        quantity = isinstance(leaf.value, str) and is_quantity(leaf.value)
        codec = path[-3:-1] in (("encoding", "spikes"), ("encoding", "values"))
        if not (leaf.source or quantity or codec):
            continue
        place = (leaf.place, leaf.value)
        if place in costs:
            costs[place]["uses"] += 1
        else:
            stated = vars(origin(leaf))
            costs[place] = {"key": dotted(path), "value": leaf.value, "uses": 1, **stated}
    return list(costs.values())


def _print(report: dict[str, Any]) -> None:
    line(f"{report['file']}: valid {report['kind']}, {report['hash'][:12]}")
    if "nir_scheme" in report:
        line(f"  neurons of the NIR file are stepped as {report['nir_scheme']}")
    for note in report.get("notes", ()):
        line(f"  note: {note}")
    if not report["costs"]:
        return
    width = min(max(len(str(cost["value"])) for cost in report["costs"]), 24)
    for cost in report["costs"]:
        uses = f" (and {cost['uses'] - 1} more)" if cost["uses"] > 1 else ""
        line(f"  {cost['value']!s:>{width}}  {cost['key']}{uses}")
        line(f"  {'':>{width}}  {_origin(cost)}")


def _origin(cost: dict[str, Any]) -> str:
    place = f"{cost['file']}:{cost['line']}" if cost["line"] else cost["file"]
    year = f" ({cost['year']})" if cost["year"] else ""
    stated = f"  {cost['source']}{year}" if cost["source"] else "  no source given"
    how = f"; {cost['provenance']}" if cost["provenance"] else ""
    return f"  {place}{stated}{how}"
