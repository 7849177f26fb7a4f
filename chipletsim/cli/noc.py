"""``chipletsim noc``: finite bursts of packets through networks of routers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chipletsim.cli.options import Json, example, use_device
from chipletsim.cli.output import show, show_json

Case = Annotated[
    Path, typer.Argument(metavar="CASE", help="Burst file: topology, routes, router, traffic.")
]
Timing = Annotated[
    str,
    typer.Option(
        "--timing",
        metavar="bound|queue|cycle|auto",
        help="Timing model; auto takes the cheapest one that is exact, or what is feasible.",
    ),
]
Links = Annotated[int, typer.Option("--links", min=0, help="Busiest links in the table.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "noc",
        epilog=example("chipletsim noc burst.json", "chipletsim noc burst.json --timing queue"),
    )(noc)


def noc(case: Case, *, timing: Timing = "auto", links: Links = 8, as_json: Json = False) -> None:
    """Time a burst of packets through a network of routers.

    Says when every packet arrives, what bounds the burst, and where its time is lost. If
    the file holds what BookSim recorded of it, packets are compared one by one.
    """
    use_device(None)
    from chipletsim.exchange.bursts.burst_file import read_burst
    from chipletsim.noc.burst_timing import time_burst
    from chipletsim.report.burst import BurstReport

    file = read_burst(case)
    found = BurstReport(file, time_burst(file.job, timing, file.outputs), links)
    if as_json:
        show_json(found.to_dict())
    else:
        show(found)
