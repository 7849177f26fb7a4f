"""``chipletsim sweep``: price every point of a grid."""

from __future__ import annotations

from typing import Annotated

import typer

from chipletsim.cli.options import (
    Config,
    Device,
    Force,
    Json,
    Out,
    Set,
    Timing,
    example,
    settings,
    use_device,
)
from chipletsim.cli.output import note, progress, show, show_json

FAILED_POINTS = 6

Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Processes that work together.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an earlier sweep stopped.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "sweep",
        epilog=example(
            "chipletsim sweep sweeps/d2d",
            "chipletsim sweep sweeps/d2d --resume -o results",
            "chipletsim sweep sweeps/d2d --timing queue",
        ),
    )(sweep_file)


def sweep_file(
    file: Config,
    *,
    overrides: Set = None,
    timing: Timing = None,
    out: Out = None,
    jobs: Jobs = 1,
    resume: Resume = False,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Price every point of a grid.

    Keeps the points in one sqlite file as it goes, and prints the Pareto front.
    """
    use_device(device)
    import chipletsim

    result = chipletsim.sweep(
        file,
        overrides=settings(overrides, timing, "experiment"),
        out=out,
        jobs=jobs,
        resume=resume,
        force=force,
        progress=progress,
    )
    if as_json:
        show_json(result.to_dict())
    else:
        show(result)
    if result.failed:
        points = "1 point" if result.failed == 1 else f"{result.failed:,} points"
        note(f"{points} failed; the file says why")
        raise typer.Exit(FAILED_POINTS)
