"""``chipletsim run``: compile, simulate, price and report an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chipletsim.cli.options import (
    Config,
    Device,
    Force,
    Json,
    Out,
    Seed,
    Set,
    Steps,
    Timing,
    example,
    settings,
    use_device,
)
from chipletsim.cli.output import note, progress, show, show_json

SUSPECT = 5

Spikes = Annotated[
    Path | None,
    typer.Option("--spikes", metavar="FILE", help="Write who spiked when to an .npz file."),
]
Trace = Annotated[
    Path | None,
    typer.Option(
        "--trace", metavar="FILE", help="Write a trace over time, for ui.perfetto.dev, as JSON."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "run",
        epilog=example(
            "chipletsim run experiments/mnist",
            "chipletsim run my.yaml --steps 10 --set package.barrier='1 us' -o results",
            "chipletsim run my.yaml --timing cycle",
            "chipletsim run my.yaml --spikes spikes.npz --trace trace.json",
        ),
    )(run_file)


def run_file(
    file: Config,
    *,
    overrides: Set = None,
    seed: Seed = None,
    steps: Steps = None,
    timing: Timing = None,
    out: Out = None,
    device: Device = None,
    force: Force = False,
    spikes: Spikes = None,
    trace: Trace = None,
    as_json: Json = False,
) -> None:
    """Run an experiment and report.

    Writes one folder of results, whose name holds the hash of all that it depends on.
    """
    use_device(device)
    import chipletsim

    result = chipletsim.run(
        file,
        overrides=settings(overrides, timing),
        out=out,
        force=force,
        seed=seed,
        steps=steps,
        spikes=spikes,
        trace=trace,
        progress=progress,
    )
    if as_json:
        show_json(result.summary)
    else:
        show(result)
    for line in result.exports:
        note(line)
    if result.suspect:
        note("finished, but suspect: " + "; ".join(result.summary["suspect"]))
        raise typer.Exit(SUSPECT)
