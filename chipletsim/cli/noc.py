"""``chipletsim noc``: finite bursts of packets through networks of routers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chipletsim.cli.options import Json, example, use_device
from chipletsim.cli.output import show, show_json

if TYPE_CHECKING:
    from chipletsim.exchange.bursts.burst_file import BurstFile

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
Rates = Annotated[
    str | None,
    typer.Option(
        "--rates",
        metavar="RATE,RATE...",
        help="Open loop instead: each node draws its packets of the file at random, at so many"
        " flits per cycle; latency and throughput under each of these loads (timing cycle).",
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the draws in open loop.")]
Links = Annotated[int, typer.Option("--links", min=0, help="Busiest links in the table.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "noc",
        epilog=example(
            "chipletsim noc burst.json",
            "chipletsim noc burst.json --timing queue",
            "chipletsim noc burst.json --rates 0.01,0.1,0.2,0.3",
        ),
    )(noc)


def noc(
    case: Case,
    *,
    timing: Timing = "auto",
    rates: Rates = None,
    seed: Seed = 0,
    links: Links = 8,
    as_json: Json = False,
) -> None:
    """Time a burst of packets through a network of routers.

    Says when every packet arrives, what bounds the burst, and where its time is lost. If
    the file holds what BookSim recorded of it, packets are compared one by one.
    """
    use_device(None)
    from chipletsim.exchange.bursts.burst_file import read_burst
    from chipletsim.noc.burst_timing import time_burst
    from chipletsim.report.burst import BurstReport

    file = read_burst(case)
    if rates is not None:
        _show_curve(file, _numbers(rates), timing, seed, as_json=as_json)
        return
    found = BurstReport(file, time_burst(file.job, timing, file.outputs), links)
    if as_json:
        show_json(found.to_dict())
    else:
        show(found)


def _numbers(text: str) -> list[float]:
    from chipletsim.errors import UsageError

    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise UsageError(f"--rates: expected numbers like 0.01,0.1,0.2, got `{text}`") from None


def _show_curve(
    file: BurstFile, rates: list[float], timing: str, seed: int, *, as_json: bool
) -> None:
    from chipletsim.errors import UsageError
    from chipletsim.noc.open_loop import latency_curve
    from chipletsim.report.load_curve import LoadCurve

    if timing not in ("auto", "cycle"):
        raise UsageError(f"--rates needs --timing cycle, got `{timing}`")
    points = latency_curve(file.job, rates, seeds=(seed,))
    found = LoadCurve(file.name, [each for (each,) in points])
    if as_json:
        show_json(found.to_dict())
    else:
        show(found)
