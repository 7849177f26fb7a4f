"""``chipletsim codecs``: what crosses each die boundary, in every codec."""

from __future__ import annotations

from typing import Annotated

import typer

from chipletsim.cli.options import (
    Config,
    Device,
    Json,
    Seed,
    Set,
    Steps,
    example,
    texts,
    use_device,
)
from chipletsim.cli.output import progress, show, show_json
from chipletsim.errors import UsageError

DenseBits = Annotated[
    int, typer.Option("--dense-bits", min=1, max=64, help="Bits of a dense activation.")
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "codecs",
        epilog=example(
            "chipletsim codecs experiments/mnist",
            "chipletsim codecs experiments/mnist --steps 8 --dense-bits 4",
        ),
    )(codecs)


def codecs(
    file: Config,
    *,
    overrides: Set = None,
    seed: Seed = None,
    steps: Steps = None,
    dense_bits: DenseBits = 8,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Say how many bits cross each die boundary, in every codec.

    Simulates an experiment, and counts the exact bits that its spikes take over each
    boundary as address events, bitmaps or gaps, beside dense activations.
    """
    use_device(device)
    from chipletsim.baseline.codings import codings
    from chipletsim.engine.simulate import simulate
    from chipletsim.inputs.make import make_inputs
    from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

    experiment = load_experiment(file, texts(overrides), seed=seed, steps=steps)
    network, package = make_network(experiment), make_package(experiment)
    mapping = make_mapping(experiment, network, package)
    inputs = make_inputs(experiment, network)
    if inputs.drawn:
        raise UsageError(
            "codecs count given spikes; this experiment states rates instead of inputs"
        )
    progress(f"simulating {inputs.samples:,} samples of {inputs.steps:,} steps")
    activity = simulate(network, inputs.whole(), mapping=mapping, steps=inputs.free_steps)
    found = codings(activity, mapping, dense_bits=dense_bits)
    if as_json:
        show_json({"experiment": experiment.spec.name, **found.to_dict()})
    else:
        show(found)
