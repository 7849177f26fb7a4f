"""``chipletsim train``: train a network for its traffic."""

from __future__ import annotations

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
    Timing,
    example,
    settings,
    use_device,
)
from chipletsim.cli.output import note, progress, show, show_json

Resume = Annotated[bool, typer.Option("--resume", help="Go on where a training was interrupted.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "train",
        epilog=example(
            "chipletsim train training/mnist",
            "chipletsim train training/mnist --resume",
            "chipletsim train my.yaml --set optimiser.epochs=10 -o results",
        ),
    )(train_file)


def train_file(
    file: Config,
    *,
    overrides: Set = None,
    timing: Timing = None,
    seed: Seed = None,
    out: Out = None,
    resume: Resume = False,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Train a network for its traffic.

    Trains for each weight of the traffic, keeping a checkpoint of every epoch, and prints
    accuracy against bits across dies.
    """
    use_device(device)
    import chipletsim

    try:
        result = chipletsim.train(
            file,
            overrides=settings(overrides, timing),
            out=out,
            resume=resume,
            force=force,
            seed=seed,
            progress=progress,
        )
    except KeyboardInterrupt:
        note(
            "what was trained is kept up to the last whole epoch; to go on, with the same options: "
            f"chipletsim train {file} --resume"
        )
        raise
    if as_json:
        show_json({**result.summary, "folder": str(result.folder)})
    else:
        show(result)
