"""``chipletsim encode``: spikes at the die boundaries where they are cheaper than values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chipletsim.cli.compiled import keep_compiled_programs
from chipletsim.cli.options import Config, Force, Json, Out, Seed, Set, example, texts
from chipletsim.cli.output import note, progress, show, show_json
from chipletsim.errors import UsageError
from chipletsim.report.folder import refuse_unwritable

if TYPE_CHECKING:
    from chipletsim.hybrid.encode_boundaries import Encoded

CodeSteps = Annotated[
    int, typer.Option("--code-steps", min=1, help="Steps over which a value is spread.")
]
CodeName = Annotated[str, typer.Option("--code", help="rate or latency.")]
Objective = Annotated[
    str, typer.Option("--objective", help="What is to be saved: energy, bits or latency.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "encode",
        epilog=example(
            "chipletsim encode mine.yaml --code latency --code-steps 4",
            "chipletsim encode mine.yaml --objective bits -o hybrid",
        ),
    )(encode)


def encode(
    file: Config,
    *,
    overrides: Set = None,
    seed: Seed = None,
    code: CodeName = "rate",
    code_steps: CodeSteps = 4,
    objective: Objective = "energy",
    out: Out = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Put spikes at die boundaries where values cost more.

    Simulates an experiment with dense layers, tries spikes at each die boundary, and prints what
    they are predicted to save. `-o` writes a folder with the network that comes out
    (`network.yaml`) and its mapping (`mapping.yaml`).
    """
    keep_compiled_programs()
    if out is not None:
        _refuse(out, force=force)
    from chipletsim.engine.simulate import simulate
    from chipletsim.hybrid.encode_boundaries import encode_boundaries
    from chipletsim.inputs.make import make_inputs
    from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

    experiment = load_experiment(file, texts(overrides), seed=seed)
    network, package = make_network(experiment), make_package(experiment)
    mapping = make_mapping(experiment, network, package)
    inputs = make_inputs(experiment, network)
    if inputs.drawn:
        raise UsageError("encoders are fitted to values; this experiment states rates alone")
    progress(f"simulating {inputs.samples:,} samples")
    activity = simulate(network, inputs.whole(), mapping=mapping, steps=inputs.free_steps)
    made = encode_boundaries(mapping, activity, steps=code_steps, code=code, objective=objective)
    if as_json:
        show_json({"experiment": experiment.spec.name, **made.to_dict()})
    else:
        show(made)
    if out is not None:
        _write(made, out)


def _refuse(out: Path, *, force: bool) -> None:
    """Raise UsageError where the folder cannot be written."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; -o takes a folder for the network and its mapping")
    if (out / "network.yaml").exists() and not force:
        raise UsageError(f"{out} holds a network; --force writes over it")
    refuse_unwritable(out)


def _write(made: Encoded, out: Path) -> None:
    from chipletsim.mapping.store import save_mapping
    from chipletsim.network.save import save_network
    from chipletsim.network.spans import steps_needed

    out.mkdir(parents=True, exist_ok=True)
    save_network(made.network, out / "network.yaml")
    save_mapping(made.mapping, out / "mapping.yaml")
    steps = steps_needed(made.network)
    note(f"network and mapping written to {out}; an inference takes {steps} steps")
