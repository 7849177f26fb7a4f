"""``chipletsim compare``: runs side by side, and beside a dense device."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from chipletsim.cli.options import Json, Timing, example
from chipletsim.cli.output import note, progress, show, show_json
from chipletsim.errors import ConfigError, Problem

MAX_BYTES = 64 << 20
FIGURES = {
    "energy_per_inference_j": ("energy", "per_inference_j"),
    "latency_per_inference_s": ("latency", "per_inference_s"),
}

Runs = Annotated[
    list[Path], typer.Argument(metavar="RUN", help="Folders of runs, or their result.json.")
]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", metavar="DEVICE", help="Name or file of a dense device to add."),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "compare",
        epilog=example(
            "chipletsim compare runs/mnist-0a1b2c3d runs/mnist-4e5f6a7b",
            "chipletsim compare runs/mnist-0a1b2c3d --baseline a100",
            "chipletsim compare runs/mnist-0a1b2c3d runs/mnist-4e5f6a7b --timing auto",
        ),
    )(compare_runs)


def compare_runs(
    runs: Runs, baseline: Baseline = None, timing: Timing = None, as_json: Json = False
) -> None:
    """Print runs side by side.

    Ratios are to the first. `--baseline` adds the network of the first on a dense device.
    `--timing` takes them as timed by one model: those of another are run again with it, beside
    the folders given.
    """
    rows = [_row(_timed(run, timing) if timing else run) for run in runs]
    if len({row["timing"] for row in rows}) > 1:
        note("these runs are of several timing models, which differ; --timing takes one for all")
    if baseline is not None:
        rows += _dense_rows(runs[0], baseline)
    if as_json:
        show_json(rows)
    else:
        show(_table(rows))


def read_run(run: Path) -> dict[str, Any]:
    """Return the contents of a run's ``result.json``.

    Raises:
        ConfigError: There is none, or it is not one of a run.
    """
    path = run / "result.json" if run.is_dir() else run
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError([Problem(f"is longer than {MAX_BYTES:,} bytes", file=str(path))])
        contents = json.loads(path.read_text(encoding="utf-8"))
        figures = [contents[section][key] for section, key in FIGURES.values()]
        if not all(_is_number(value) for value in [*figures, _accuracy(contents) or 0.0]):
            raise ValueError("no number")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(reason, file=str(path))]) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError([Problem("is not the result of a run", file=str(path))]) from None
    return dict(contents)


def _timed(run: Path, timing: str) -> Path:
    """Return the folder of a run with a timing model: its own, or that of another run."""
    contents = read_run(run)
    asked = (contents.get("timed") or {}).get("asked", contents.get("timing"))
    if asked == timing:
        return run
    import chipletsim

    config = _folder(run) / "config.resolved.yaml"
    progress(f"{config}: timing {timing}")
    made = chipletsim.run(
        config, overrides=[f"timing={timing}"], out=_folder(run).absolute().parent
    )
    return made.folder


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _accuracy(contents: dict[str, Any]) -> Any:
    return (contents.get("accuracy") or {}).get("value")


def _row(run: Path) -> dict[str, Any]:
    contents = read_run(run)
    figures = {name: contents[section][key] for name, (section, key) in FIGURES.items()}
    return {
        "name": _folder(run).absolute().name,
        "timing": contents.get("timing"),
        **figures,
        "accuracy": _accuracy(contents),
    }


def _folder(run: Path) -> Path:
    return run if run.is_dir() else run.parent


def _dense_rows(run: Path, device: str) -> list[dict[str, Any]]:
    """Return the figures of the network of a run on a dense device."""
    import chipletsim
    from chipletsim.stages import load_experiment, make_network

    experiment = load_experiment(_folder(run) / "config.resolved.yaml")
    steps = experiment.spec.inputs.steps
    dense = chipletsim.baseline(make_network(experiment), device, steps=steps)
    return [
        {
            "name": f"{dense.device.name}, {way.name}",
            "timing": None,
            "energy_per_inference_j": way.energy_per_inference_j,
            "latency_per_inference_s": way.latency_s,
            "accuracy": None,
        }
        for way in dense.runs
    ]


def _table(rows: list[dict[str, Any]]) -> Any:
    from chipletsim.tables import si, table

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        accuracy = row["accuracy"]
        return (
            row["name"],
            row["timing"] or "-",
            si(row["energy_per_inference_j"], "J"),
            _ratio(row, rows[0], "energy_per_inference_j"),
            si(row["latency_per_inference_s"], "s"),
            _ratio(row, rows[0], "latency_per_inference_s"),
            "-" if accuracy is None else f"{accuracy:.2%}",
        )

    columns = ("", "timing", "energy/inference", "ratio", "latency", "ratio", "accuracy")
    return table("Per inference", columns, [cells(row) for row in rows])


def _ratio(row: dict[str, Any], first: dict[str, Any], key: str) -> str:
    return f"{row[key] / first[key]:.3g}x" if first[key] else "-"
