"""``chipletsim run``: compile, simulate, price and report an experiment."""

from __future__ import annotations

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
    example,
    texts,
    use_device,
)
from chipletsim.cli.output import note, progress, show, show_json

SUSPECT = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "run",
        epilog=example(
            "chipletsim run experiments/mnist",
            "chipletsim run my.yaml --steps 10 --set package.barrier='1 us' -o results",
        ),
    )(run_file)


def run_file(
    file: Config,
    *,
    overrides: Set = None,
    seed: Seed = None,
    steps: Steps = None,
    out: Out = None,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run an experiment and report.

    Writes one folder of results, whose name holds the hash of all that it depends on.
    """
    use_device(device)
    import chipletsim

    result = chipletsim.run(
        file,
        overrides=texts(overrides),
        out=out,
        force=force,
        seed=seed,
        steps=steps,
        progress=progress,
    )
    if as_json:
        show_json(result.summary)
    else:
        show(result)
    if result.suspect:
        note("finished, but suspect: " + "; ".join(result.summary["suspect"]))
        raise typer.Exit(SUSPECT)
