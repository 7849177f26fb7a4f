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
from chipletsim.cli.output import note, show, show_json

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
    overrides: Set = None,
    seed: Seed = None,
    steps: Steps = None,
    out: Out = None,
    device: Device = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Run an experiment, print its report and write one folder of results."""
    use_device(device)
    import chipletsim

    changes = texts(overrides) + _flags(file, seed, steps)
    result = chipletsim.run(file, overrides=changes, out=out, force=force)
    if as_json:
        show_json(result.summary)
    else:
        show(result)
    if result.summary["suspect"]:
        note("finished, but suspect: " + "; ".join(result.summary["suspect"]))
        raise typer.Exit(SUSPECT)


def _flags(file: str, seed: int | None, steps: int | None) -> list[str]:
    """Return what ``--seed`` and ``--steps`` set in the file."""
    changes = [] if steps is None else [f"inputs.steps={steps}"]
    if seed is None:
        return changes
    return [*changes, *(f"{path}={seed}" for path in seed_paths(file))]


def seed_paths(file: str) -> list[str]:
    """Return the dotted paths of the seeds that an experiment has.

    Raises:
        ConfigError: Everything that is wrong with the file.
    """
    from chipletsim.spec.experiment import BernoulliEncoding, ExperimentSpec, PoissonInputsSpec
    from chipletsim.spec.load import load_spec

    inputs = load_spec(file, ExperimentSpec).spec.inputs
    if isinstance(inputs, PoissonInputsSpec):
        return ["mapping.seed", "inputs.seed"]
    if isinstance(inputs.encoding, BernoulliEncoding):
        return ["mapping.seed", "inputs.encoding.seed"]
    return ["mapping.seed"]
