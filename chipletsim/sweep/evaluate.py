"""Points of a sweep, priced together: what is equal among them is computed once."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from chipletsim.errors import ConfigError, InfeasibleError, UsageError
from chipletsim.evaluation import Scorer, simulate_and_price
from chipletsim.inputs.make import Inputs, make_inputs
from chipletsim.stages import Progress, make_mapping, make_network, make_package
from chipletsim.sweep.store import Point, Status

if TYPE_CHECKING:
    from chipletsim.cost.batch import Window
    from chipletsim.cost.result import Result
    from chipletsim.mapping.model import Mapping
    from chipletsim.network.model import Network
    from chipletsim.package.model import Package
    from chipletsim.report.summary import Accuracy
    from chipletsim.spec.experiment import ExperimentSpec
    from chipletsim.spec.load import Loaded

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """A point to evaluate.

    Attributes:
        hash: Hash of the point.
        position: Place in the grid.
        settings: Dotted path to value.
        experiment: The experiment with the settings.
    """

    hash: str
    position: int
    settings: dict[str, Any]
    experiment: Loaded[ExperimentSpec]

    def point(self, metrics: dict[str, float], note: str) -> Point:
        """Return the point with its metrics, and why they may not mean what they seem to."""
        return Point(self.hash, self.position, self.settings, "ok", metrics, note=note)

    def failed(self, error: ConfigError | InfeasibleError | UsageError) -> Point:
        """Return the point with what was wrong."""
        return failed_point(self.hash, self.position, self.settings, error)


def failed_point(
    key: str,
    position: int,
    settings: dict[str, Any],
    error: ConfigError | InfeasibleError | UsageError,
) -> Point:
    """Return a point that has no metrics, and why."""
    status: Status = "infeasible" if isinstance(error, InfeasibleError) else "invalid"
    return Point(key, position, settings, status, {}, str(error))


@dataclass(frozen=True, eq=False)
class _Ready:
    """A task that is ready to be priced."""

    task: Task
    package: Package
    mapping: Mapping
    network: Network
    inputs_key: str
    inputs: Inputs
    lowered: str

    @property
    def group(self) -> tuple[Any, ...]:
        """What tasks share if they can be priced by one call."""
        timing = self.task.experiment.spec.timing
        return self.lowered, self.inputs_key, self.mapping.slices, _tiles_key(self.package), timing


class Evaluator:
    """Evaluates points of one sweep, keeping what the next ones may need again.

    Args:
        say: Called with a line of text as hardware steps are timed.
    """

    def __init__(self, say: Progress | None = None) -> None:
        self._say = say
        self.simulated = 0
        self.mapped = 0
        self._networks: _Recent[Network] = _Recent(8)
        self._packages: _Recent[Package] = _Recent(64)
        self._mappings: _Recent[tuple[Mapping, str]] = _Recent(64)
        self._inputs: _Recent[Inputs] = _Recent(4)
        self._activities: _Recent[tuple[Window, Accuracy | None]] = _Recent(2)

    def evaluate(self, tasks: Iterable[Task]) -> Iterator[list[Point]]:
        """Yield the points of the tasks, in groups, as they are done.

        Args:
            tasks: Points to evaluate; those that can share work should be together.
        """
        groups: dict[tuple[Any, ...], list[_Ready]] = {}
        for task in tasks:
            try:
                ready = self._prepare(task)
            except (ConfigError, InfeasibleError, UsageError) as error:
                yield [task.failed(error)]
            else:
                groups.setdefault(ready.group, []).append(ready)
        for members in groups.values():
            yield self._priced(members)

    def _prepare(self, task: Task) -> _Ready:
        """Build, or find again, everything that comes before pricing."""
        experiment, resolved = task.experiment, task.experiment.resolved
        inputs_key = _key(resolved["inputs"])
        # What makes input populations graded.
        graded = [resolved["inputs"].get(key) for key in ("encoding", "binning", "value_bits")]
        network_key = _key([resolved["network"], graded])
        network = self._networks.get(network_key, lambda: make_network(experiment))
        package = self._packages.get(_key(resolved["package"]), lambda: make_package(experiment))
        key = f"{network_key} {_mapping_key(experiment, package)}"
        if experiment.spec.mapping.rates == "measured":
            key += inputs_key
        mapping, lowered = self._mappings.get(key, lambda: self._map(experiment, network, package))
        inputs = self._inputs.get(
            f"{inputs_key} {network_key}", lambda: make_inputs(experiment, network)
        )
        own = replace(mapping, package=package)
        return _Ready(task, package, own, network, inputs_key, inputs, lowered)

    def _map(
        self, experiment: Loaded[ExperimentSpec], network: Network, package: Package
    ) -> tuple[Mapping, str]:
        from chipletsim.network.fingerprint import fingerprint

        self.mapped += 1
        mapping = make_mapping(experiment, network, package)
        return mapping, fingerprint(mapping.lowered())

    def _priced(self, members: list[_Ready]) -> list[Point]:
        try:
            priced = list(self._results(members))
        except (ConfigError, InfeasibleError, UsageError) as error:
            if len(members) > 1:  # a package that cannot be priced spoils no other
                return [point for ready in members for point in self._priced([ready])]
            return [members[0].task.failed(error)]
        from chipletsim.report.summary import suspicions

        found = suspicions(priced[0][0])  # the same for all, whose spikes are the same
        return [
            ready.task.point(
                _metrics(result, accuracy),
                "; ".join([*ready.network.doubts, *found, *_forced(result)]),
            )
            for ready, (result, accuracy) in zip(members, priced, strict=True)
        ]

    def _results(self, members: list[_Ready]) -> Iterator[tuple[Result, Accuracy | None]]:
        from chipletsim.cost.price import price_many
        from chipletsim.engine.memory import keeps_raster

        first = members[0]
        timing = first.task.experiment.spec.timing
        inputs = first.inputs
        fits = not inputs.stream and keeps_raster(first.network, inputs.samples, inputs.steps)
        if inputs.drawn or fits:
            activity, accuracy = self._activities.get(
                f"{first.lowered} {first.inputs_key}", lambda: self._simulate(first)
            )
            packages = [ready.package for ready in members]
            for result in price_many(
                activity, first.mapping, packages, timing=timing, say=self._say
            ):
                yield result, accuracy
            return
        for ready in members:
            self.simulated += 1
            whole = simulate_and_price(
                ready.network, ready.inputs, ready.mapping, timing, lambda line: None
            )
            yield whole.result, whole.accuracy

    def _simulate(self, ready: _Ready) -> tuple[Window, Accuracy | None]:
        if ready.inputs.drawn:
            return ready.inputs.drawn, None
        from chipletsim.engine.simulate import simulate

        self.simulated += 1
        inputs = ready.inputs
        activity = simulate(
            ready.network, inputs.events, mapping=ready.mapping, steps=inputs.free_steps
        )
        scorer = Scorer(ready.network, ready.inputs.labels)
        scorer.add(activity)
        return activity, scorer.accuracy()


class _Recent(OrderedDict[str, T]):
    """The values used last, made when they are missing."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def get(self, key: str, make: Callable[[], T]) -> T:  # type: ignore[override]
        """Return the value of ``key``, calling ``make`` for one that is not kept."""
        if key not in self:
            self[key] = make()
            while len(self) > self._most:
                self.popitem(last=False)
        self.move_to_end(key)
        return self[key]


def _mapping_key(experiment: Loaded[ExperimentSpec], package: Package) -> str:
    """Return a hash of all that a mapping depends on, beside its network.

    That is the mapping section, what `package_fingerprint` holds, the size of packets,
    and what a bit costs between any two tiles, by which strategies place.
    """
    from chipletsim.mapping.traffic import tile_cost

    digest = hashlib.sha256()
    digest.update(_key(experiment.resolved.get("mapping")).encode())
    digest.update(_tiles_key(package).encode())
    digest.update(repr(package.spec.packet).encode())
    digest.update(tile_cost(package).tobytes())
    return digest.hexdigest()


def _tiles_key(package: Package) -> str:
    from chipletsim.mapping.store import package_fingerprint

    return package_fingerprint(package)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _forced(result: Result) -> list[str]:
    """Return that a point is of another timing model than its neighbours may be, if it is."""
    return [str(result.timed)] if result.timed.forced else []


def _metrics(result: Result, accuracy: Accuracy | None) -> dict[str, float]:
    """Return all numbers of a point; the error rate is there to be minimised."""
    metrics = dict(result.metrics())
    if accuracy is not None:
        metrics |= {"accuracy": accuracy.value, "error_rate": 1.0 - accuracy.value}
    return metrics
