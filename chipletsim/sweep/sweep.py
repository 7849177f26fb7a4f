"""The verb `sweep`: a grid over an experiment, resumable, with its Pareto front."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.report.folder import safe_name
from chipletsim.spec.experiment import ExperimentSpec
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.load import Loaded, load_spec
from chipletsim.spec.overrides import parse_overrides
from chipletsim.spec.sweep import SweepSpec
from chipletsim.stages import Progress, experiment_hash, load_experiment
from chipletsim.sweep.evaluate import Task, failed_point
from chipletsim.sweep.grid import check_grid, check_settings, grid_points
from chipletsim.sweep.processes import evaluated
from chipletsim.sweep.result import SweepResult
from chipletsim.sweep.store import Point, SweepStore

if TYPE_CHECKING:
    from chipletsim.spec.overrides import Overrides


def sweep(
    path: str | Path | None = None,
    *,
    experiment: str | Path | Mapping[str, Any] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    objectives: Sequence[str] | None = None,
    name: str | None = None,
    overrides: Overrides = (),
    out: str | Path | None = None,
    resume: bool = True,
    force: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> SweepResult:
    """Price every point of a grid, and keep the points in one SQLite file as they come.

    Points are known by the hash of their resolved experiment, so that a sweep that was
    stopped, or whose grid has grown, computes only what is missing. Spikes are simulated
    once for all points whose lowered network and inputs are the same, and placements are
    kept where nothing they depend on differs. Points that do not fit or are not valid are
    kept with their error.

    Args:
        path: Sweep file, or the name of a shipped one such as ``sweeps/d2d``.
        experiment: Instead of a sweep file: an experiment file, or its contents.
        grid: With ``experiment``: dotted path to the values it takes.
        objectives: With ``experiment``: metrics to minimise; energy and latency of an
            inference if left out.
        name: With ``experiment``: name of the files; the experiment's if left out.
        overrides: Texts ``a.b=c`` for the sweep file, or for the experiment.
        out: Folder for ``NAME.sqlite`` and ``NAME.csv``; ``sweeps`` if left out.
        resume: Whether points already kept are taken over.
        force: Whether to compute all points again.
        jobs: Processes that work together, each with simulations of its own.
        progress: Called with a line of text as points are done.

    Raises:
        ConfigError: The file, the grid or an objective is wrong.
        UsageError: The call is contradictory, or ``resume`` and ``force`` are both
            refused and points are there.
    """
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1, got {jobs}")
    if path is not None and experiment is None and grid is None:
        base, loaded = _from_file(path, overrides)
        section = "experiment."
    elif path is None and experiment is not None and grid is not None:
        base = load_experiment(experiment, overrides)
        loaded = _from_arguments(base, grid, objectives, name)
        section = ""
    else:
        raise UsageError("give a sweep file, or an experiment and a grid")
    spec = loaded.spec
    check_settings(parse_overrides(overrides), spec.grid, section)
    try:
        check_grid(spec.grid)
    except ConfigError as error:
        raise loaded.locate(error) from None
    file = Path(out or "sweeps") / f"{safe_name(spec.name)}.sqlite"
    say = progress or (lambda line: None)
    tasks, failures = _tasks(base, spec.grid)
    order = {task.hash: task.position for task in tasks}
    order |= {point.hash: point.position for point in failures}
    with SweepStore(file) as store:
        _settle(store, order, resume=resume, force=force)
        known = store.hashes()
        store.add(failures)
        pending = [task for task in tasks if task.hash not in known]
        if pending:
            say(f"{spec.name}: {len(pending):,} of {len(order):,} points to compute")
        try:
            for points in evaluated(pending, jobs, say):
                store.add(points)
                _check_objectives(points, loaded)
                say(f"{spec.name}: {_done(store, order):,} of {len(order):,} points done")
        finally:
            result = SweepResult(
                spec.name, file, tuple(spec.grid), spec.objectives, tuple(store.points())
            )
            result.write_csv()
    return result


def _from_file(
    path: str | Path, overrides: Overrides
) -> tuple[Loaded[ExperimentSpec], Loaded[SweepSpec]]:
    """Return the experiment of a sweep file, and what to vary."""
    loaded = load_kind(path, SweepSpec, overrides)
    return loaded.section("experiment", ExperimentSpec), loaded


def _from_arguments(
    base: Loaded[ExperimentSpec],
    grid: Mapping[str, Sequence[Any]],
    objectives: Sequence[str] | None,
    name: str | None,
) -> Loaded[SweepSpec]:
    """Return what to vary, as a sweep file would say it."""
    contents: dict[str, Any] = {
        "name": name or base.spec.name,
        "experiment": {},
        "grid": {key: list(values) for key, values in grid.items()},
    }
    if objectives is not None:
        contents["objectives"] = list(objectives)
    return load_spec(contents, SweepSpec)


def _tasks(
    base: Loaded[ExperimentSpec], grid: Mapping[str, Sequence[Any]]
) -> tuple[list[Task], list[Point]]:
    """Return the points to evaluate, and those whose experiment is not valid."""
    tasks, failures = [], []
    for position, settings in enumerate(grid_points(grid)):
        try:
            loaded = base.with_overrides(settings)
        except ConfigError as error:
            key = _point_hash(experiment_hash(base), settings)
            failures.append(failed_point(key, position, settings, error))
        else:
            key = _point_hash(experiment_hash(loaded), settings)
            tasks.append(Task(key, position, settings, loaded))
    return tasks, failures


def _point_hash(experiment: str, settings: dict[str, Any]) -> str:
    text = f"{experiment} {json.dumps(settings, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _settle(store: SweepStore, order: dict[str, int], *, resume: bool, force: bool) -> None:
    """Put the points that are there into the order of the grid, or forget them."""
    if force:
        store.clear()
    there = len(store.hashes() & order.keys())
    if there and not resume:
        raise UsageError(
            f"{store.path} holds {there:,} of {len(order):,} points; "
            "resume takes them over, force computes them again"
        )
    store.arrange(order)


def _done(store: SweepStore, order: dict[str, int]) -> int:
    return len(store.hashes() & order.keys())


def _check_objectives(points: list[Point], loaded: Loaded[SweepSpec]) -> None:
    """Refuse objectives that are no metrics as soon as there are metrics to look at."""
    metrics = next((point.metrics for point in points if point.status == "ok"), None)
    if metrics is None:
        return
    problems = []
    for number, objective in enumerate(loaded.spec.objectives):
        if objective not in metrics:
            close = get_close_matches(objective, metrics, 1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(metrics)}"
            message = f"there is no metric {objective!r}; {hint}"
            problems.append(Problem(message, f"objectives.{number}"))
    if problems:
        raise loaded.locate(ConfigError(problems))
