"""The verb `train`: a network trained for several weights of its traffic, resumable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chipletsim.errors import ConfigError, UsageError
from chipletsim.report.folder import refuse_unwritable, run_folder, safe_name
from chipletsim.spec.load import Loaded
from chipletsim.spec.train import TrainSpec
from chipletsim.stages import Progress as Say
from chipletsim.stages import experiment_hash
from chipletsim.training_runs.prepare import Prepared, inputs_of, load_training, prepare
from chipletsim.training_runs.result import TrainResult, front_points, write_front
from chipletsim.whole_files import whole_file

if TYPE_CHECKING:
    from chipletsim.spec.overrides import Overrides
    from chipletsim.training.checkpoint import Progress
    from chipletsim.training.loop import Trained

RESULT = "result.json"
SCHEMA_VERSION = 1


def train(
    path: str | Path,
    *,
    overrides: Overrides = (),
    out: str | Path | None = None,
    resume: bool = False,
    force: bool = False,
    seed: int | None = None,
    progress: Say | None = None,
) -> TrainResult:
    """Train the network of a file for each weight of its traffic, and judge what came of it.

    The folder ``NAME-HASH`` holds one folder for each weight, with a checkpoint of the last
    epoch, and the front of all of them. Figures of the front are those of the engine and of
    `price`, on the stored network, whose weights the tiles hold as they are.

    Args:
        path: Training file, or the name of a shipped one such as ``training/mnist``.
        overrides: Texts ``a.b=c``, or dotted paths to values.
        out: Folder that holds runs; ``runs`` if left out.
        resume: Go on where an interrupted training stopped: it ends with the same weights, bit
            for bit, as one that was not interrupted, on the same machine.
        force: Begin anew even if there are results or checkpoints.
        seed: Seed of the optimiser, the mapping and of random encodings.
        progress: Called with a line of text as training goes on.

    Raises:
        ConfigError: Everything wrong with the files, or the loss is no number any more.
        InfeasibleError: The network does not fit the package.
        UsageError: An extra is not installed, the folder cannot be written, or it holds an
            unfinished training and neither ``resume`` nor ``force`` is given, or checkpoints
            are of another configuration.
    """
    from chipletsim.training.optimiser import require_optax

    if resume and force:
        raise UsageError("resume goes on with a training and force begins anew; give one of them")
    training = load_training(path, overrides, seed=seed)
    require_optax()
    config_hash = experiment_hash(training)
    folder = run_folder(Path(out or "runs"), training.spec.name, config_hash)
    if not force and (found := read_training(folder)):
        return found
    refuse_unwritable(folder)
    if not force:
        _check_folder(folder, training, resume=resume)
    return _train(training, folder, config_hash, progress or (lambda line: None), force=force)


def read_training(folder: str | Path) -> TrainResult | None:
    """Return the finished training kept in a folder, or None where there is none.

    Args:
        folder: Folder of a training.
    """
    summary = _read_json(Path(folder) / RESULT)
    if summary is None or "points" not in summary:
        return None
    return TrainResult(Path(folder), summary, reused=True)


def _check_folder(folder: Path, training: Loaded[TrainSpec], *, resume: bool) -> None:
    """Refuse a folder that holds what was not asked for, or lacks what was."""
    if folder.exists() and not resume:
        raise UsageError(
            f"{folder} holds an unfinished training; resume goes on with it, force begins anew"
        )
    if resume and not folder.exists():
        others = sorted(folder.parent.glob(f"{safe_name(training.spec.name)}-????????"))
        unfinished = [str(each) for each in others if not (each / RESULT).exists()]
        if unfinished:
            raise UsageError(
                f"there is nothing to resume at {folder}; the checkpoints of another "
                f"configuration are in {', '.join(unfinished)}: resume with the file and options "
                "that they were made with, or leave out resume"
            )


def _train(
    training: Loaded[TrainSpec], folder: Path, config_hash: str, say: Say, *, force: bool
) -> TrainResult:
    from chipletsim.cost.price import CostStream
    from chipletsim.training.loop import Trainer

    spec = training.spec
    say("preparing the network, its mapping and the samples")
    ready = prepare(training)
    # What cannot be priced once it is trained is refused before that, which takes hours.
    CostStream(ready.mapping, timing=spec.timing)
    try:
        trainer = Trainer(spec, ready.loss, ready.split, config_hash)
    except ConfigError as error:
        raise training.locate(error) from None
    if force:  # only now that all is ready is an earlier training given up
        shutil.rmtree(folder, ignore_errors=True)
    _write_setup(folder, training, ready)
    start, points = ready.start, []
    for weight in spec.loss.traffic.weights:
        part = folder / f"weight_{weight:g}"
        part.mkdir(exist_ok=True)
        checkpoint = part / "checkpoint.npz"
        after = _after_epoch(ready, spec, weight, part, say)
        try:
            trained = trainer.train(start, weight, checkpoint, after)
        except ConfigError as error:
            raise training.locate(error) from None
        points.append(_judged(ready, spec, weight, trained, part))
        if spec.loss.traffic.warm_start:
            start = trained.parameters
    return _finish(training, folder, config_hash, ready, points)


def _after_epoch(
    ready: Prepared, spec: TrainSpec, weight: float, part: Path, say: Say
) -> Callable[[Progress], None]:
    """Return what writes ``metrics.csv`` and says how far the training is."""
    from chipletsim.report.csvs import write_csv
    from chipletsim.training.loop import COLUMNS

    columns = [*COLUMNS, *(f"rate_{name}" for name in ready.mapping.network.index)]

    def after(progress: Progress) -> None:
        rows = [[int(row[0]), *row[1:].tolist()] for row in progress.history]
        write_csv(part / "metrics.csv", columns, rows)
        last = dict(zip(columns, rows[-1], strict=True))
        say(
            f"weight {weight:g}, epoch {progress.epoch}/{spec.optimiser.epochs}: "
            f"loss {last['train_loss']:.4f}, validation accuracy "
            f"{last['validation_accuracy']:.2%}, "
            f"{last['bits_across_dies_per_inference']:,.0f} bits across dies"
        )

    return after


def _judged(
    ready: Prepared, spec: TrainSpec, weight: float, trained: Trained, part: Path
) -> dict[str, Any]:
    """Write the network of the best epoch, run and price it, and return its figures."""
    from chipletsim.evaluation import simulate_and_price
    from chipletsim.training_runs.network_file import write_network

    kept = _read_json(part / "evaluation.json")
    if kept is not None:
        return kept
    mapping = ready.stored(trained.parameters)
    name, reason = write_network(mapping.network, part)
    inputs = inputs_of(mapping.network, ready.split.test)
    priced = simulate_and_price(mapping.network, inputs, mapping, spec.timing, lambda line: None)
    result, accuracy = priced.result, priced.accuracy
    assert accuracy is not None  # noqa: S101 - there are labels and one output
    between = [link.between_dies for link in mapping.package.links]
    point = {
        "weight": weight,
        "accuracy": accuracy.value,
        "correct": accuracy.correct,
        "ties": accuracy.ties,
        "samples": result.samples,
        "bits_across_dies_per_inference": result.events.wire_bits_across_dies / result.samples,
        "packet_bits_across_dies_per_inference": result.events.bits_across_dies / result.samples,
        "worst_link_bits_per_inference": float(result.link_wire_bits[between].max(initial=0))
        / result.samples,
        "energy_per_inference_j": result.energy_per_inference_j,
        "dynamic_energy_per_inference_j": result.energy.dynamic_j / result.samples,
        "latency_per_inference_s": result.latency_per_inference_s,
        "spikes_per_inference": result.events.spikes / result.samples,
        "best_epoch": trained.best_epoch,
        "epochs": trained.epochs,
        "network": f"{part.name}/{name}",
        "no_nir": reason,
        "not_modelled": list(result.not_modelled),
    }
    _write_json(part / "evaluation.json", point)
    return point


def _write_setup(folder: Path, training: Loaded[TrainSpec], ready: Prepared) -> None:
    """Make the folder and write what is trained on what."""
    from chipletsim.mapping.store import save_mapping
    from chipletsim.report.resolved import resolved_yaml
    from chipletsim.spec.defaults import defaults

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {folder.parent}: {error.strerror}") from None
    save_mapping(ready.mapping, folder / "mapping.yaml")
    text = resolved_yaml(training.resolved, training.origins, defaults(training.spec))
    (folder / "config.resolved.yaml").write_text(text, encoding="utf-8")


def _finish(
    training: Loaded[TrainSpec],
    folder: Path,
    config_hash: str,
    ready: Prepared,
    points: list[dict[str, Any]],
) -> TrainResult:
    """Write the front, its figure and the result."""
    from chipletsim.training_runs.notes import notes

    spec = training.spec
    not_modelled = points[0]["not_modelled"]
    related = front_points(
        [{k: v for k, v in point.items() if k != "not_modelled"} for point in points]
    )
    summary = {
        "schema_version": SCHEMA_VERSION,
        "name": spec.name,
        "config_hash": config_hash,
        "objective": spec.loss.traffic.objective,
        "judged_by": "held-out" if ready.split.held_out else "validation",
        "samples": ready.split.test.size,
        "steps": spec.data.steps,
        "points": related,
        "front": [number for number, point in enumerate(related) if point["on_front"]],
        "notes": notes(ready, related, figures=_draw(folder, spec.name, related)),
        "not_modelled": not_modelled,
    }
    write_front(folder / "front.csv", related)
    _write_json(folder / RESULT, summary)
    return TrainResult(folder, summary, reused=False)


def _draw(folder: Path, name: str, points: list[dict[str, Any]]) -> bool:
    """Draw the front; return whether that was possible."""
    import numpy as np

    from chipletsim.report.figures import figures_available, write_front_figure

    if not figures_available():
        return False
    bits = np.array([point["bits_across_dies_per_inference"] for point in points])
    accuracy = np.array([point["accuracy"] for point in points])
    labels = [f"{point['weight']:g}" for point in points]
    write_front_figure(folder / "front.png", name, bits, accuracy, labels)
    return True


def _write_json(path: Path, value: dict[str, Any]) -> None:
    with whole_file(path) as part:
        part.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, or None where it is not there or not ours."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(value, dict)
    return value if ours else None
