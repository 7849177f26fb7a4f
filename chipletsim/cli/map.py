"""``chipletsim map``: partition and place a network, and say how good it is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from chipletsim.cli.compiled import keep_compiled_programs
from chipletsim.cli.options import Config, Force, Json, Out, Seed, Set, example, texts
from chipletsim.cli.output import line, note, progress, show, show_json
from chipletsim.errors import UsageError
from chipletsim.report.folder import refuse_unwritable


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
    """Map a network; price nothing.

    Cuts the network of an experiment into slices, places them on its package within
    every capacity, and prints how good that is. `-o` keeps the mapping, which
    `mapping: {file: ...}` in an experiment takes up.
    """
    keep_compiled_programs()
    from chipletsim.mapping.quality import quality
    from chipletsim.mapping.store import save_mapping
    from chipletsim.stages import load_experiment, make_mapping, make_network, make_package

    if out is not None:
        _refuse(out, force=force)
    experiment = load_experiment(file, texts(overrides), seed=seed)
    network, package = make_network(experiment), make_package(experiment)
    progress(f"mapping {network.neurons:,} neurons on {len(package.tiles):,} tiles")
    mapping = make_mapping(experiment, network, package)
    figures = quality(mapping)
    if as_json:
        show_json({"experiment": experiment.spec.name, **asdict(figures)})
    else:
        line(f"{network.name} on {package.name}")
        show(figures)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        save_mapping(mapping, out)
        note(f"mapping written to {out}")


def _refuse(out: Path, *, force: bool) -> None:
    """Raise UsageError where the mapping cannot be written to ``out``."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder; -o takes the file for the mapping")
    if out.exists() and not force:
        raise UsageError(f"{out} exists; --force writes over it")
    refuse_unwritable(out)
