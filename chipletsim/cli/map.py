"""``chipletsim map``: partition and place a network, and say how good it is."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from chipletsim.cli.options import Config, Force, Json, Out, Seed, Set, example, texts
from chipletsim.cli.output import line, note, show, show_json
from chipletsim.cli.show import build
from chipletsim.errors import UsageError

if TYPE_CHECKING:
    from chipletsim.network.model import Network
    from chipletsim.spec.experiment import ExperimentSpec
    from chipletsim.spec.load import Loaded


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "map",
        epilog=example(
            "chipletsim map experiments/mnist --set mapping.strategy=anneal",
            "chipletsim map experiments/mnist --seed 3 -o mapping.yaml",
        ),
    )(map_file)


def map_file(
    file: Config,
    *,
    overrides: Set = None,
    seed: Seed = None,
    out: Out = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Map a network; simulate nothing.

    Cuts the network of an experiment into slices, places them on its package within
    every capacity, and prints how good that is. `-o` keeps the mapping.
    """
    import chipletsim
    from chipletsim.mapping.quality import quality
    from chipletsim.mapping.store import save_mapping
    from chipletsim.spec.experiment import ExperimentSpec
    from chipletsim.spec.load import load_spec

    if out is not None and out.exists() and not force:
        raise UsageError(f"{out} exists; --force writes over it")
    changes = texts(overrides) + ([] if seed is None else [f"mapping.seed={seed}"])
    experiment = load_spec(file, ExperimentSpec, changes)
    _, package = build(file, changes)
    chosen = experiment.spec.mapping
    mapping = chipletsim.map_network(
        experiment_network(experiment),
        package,
        strategy=chosen.strategy,
        seed=chosen.seed,
        place=chosen.place,
        split=chosen.split,
    )
    figures = quality(mapping)
    if as_json:
        show_json({"experiment": experiment.spec.name, **asdict(figures)})
    else:
        line(f"{mapping.network.name} on {package.name}")
        show(figures)
    if out is not None:
        save_mapping(mapping, out)
        note(f"mapping written to {out}")


def experiment_network(experiment: Loaded[ExperimentSpec]) -> Network:
    """Return the network of a loaded experiment."""
    import chipletsim
    from chipletsim.spec.experiment import NirFileSpec

    section = experiment.spec.network
    if isinstance(section, NirFileSpec):
        return chipletsim.load_network(section.nir, dt=section.dt_s)
    return chipletsim.load_network(experiment.resolved["network"])
