"""The inputs of an experiment: events, sources that draw them, firing rates, or a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.spec.experiment import (
    ExperimentSpec,
    PoissonInputsSpec,
    PoissonSourceSpec,
    RateInputsSpec,
)
from chipletsim.spec.load import Loaded

if TYPE_CHECKING:
    import numpy as np

    from chipletsim.engine.inputs import Events
    from chipletsim.engine.rates import RateActivity
    from chipletsim.inputs.stream import SampleStream
    from chipletsim.network.model import Network


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a network is fed.

    Attributes:
        events: Input population to [samples, steps, neurons], or to a source that draws it.
        labels: int64 [samples], or None.
        samples: Number of samples.
        steps: Steps of each.
        drawn: Activity from firing rates, in place of events; None where there are events.
        stream: What reads the samples a few at a time, in place of events, where all of them are
            too large to be held.
        read_notes: What the user should know of events that are held.
    """

    events: Mapping[str, Events]
    labels: np.ndarray | None
    samples: int
    steps: int
    drawn: RateActivity | None = None
    stream: SampleStream | None = None
    read_notes: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What the user should know of the samples read so far."""
        return [*self.read_notes, *(self.stream.notes if self.stream else ())]

    def batches(self, count: int) -> Iterator[dict[str, Events]]:
        """Yield input population to [up to ``count``, steps, neurons], from the first sample on.

        Raises:
            ConfigError: A file is damaged, or does not fit the network.
        """
        from chipletsim.engine.inputs import of_samples

        if self.stream is not None:
            for batch in self.stream.batches(count):
                yield dict(batch)
            return
        for first in range(0, self.samples, count):
            yield {name: of_samples(each, first, count) for name, each in self.events.items()}

    def whole(self) -> Mapping[str, Events]:
        """Return all events at once.

        Raises:
            ConfigError: They take more than 16 GiB, or as ``batches``.
        """
        from chipletsim.engine.archive import MAX_FILE_BYTES
        from chipletsim.inputs.stream import held

        if self.stream is None:
            return self.events
        if self.stream.sample_bytes * self.samples > MAX_FILE_BYTES:
            raise ConfigError(
                f"{self.samples:,} samples of {self.steps:,} steps take more than the 16 GiB that"
                " can be held at once; give fewer `samples`"
            )
        return held(self.stream)

    @property
    def free_steps(self) -> int | None:
        """Steps to run a network without inputs; None where the events say how many."""
        return None if self.events or self.stream is not None else self.steps


def make_inputs(experiment: Loaded[ExperimentSpec], network: Network) -> Inputs:
    """Return the inputs that an experiment asks for, encoded.

    Raises:
        ConfigError: The dataset is missing, damaged or of another shape.
    """
    from chipletsim.engine.encode import poisson
    from chipletsim.engine.inputs import input_populations
    from chipletsim.inputs.open import open_stream

    spec, populations = experiment.spec.inputs, input_populations(network)
    if isinstance(spec, RateInputsSpec):
        return _drawn(experiment, spec, network)
    if isinstance(spec, PoissonInputsSpec) and spec.poisson is not None:
        return _poisson_sources(experiment, spec, network)
    if isinstance(spec, PoissonInputsSpec):
        if not populations and spec.samples > 1:
            raise ConfigError("samples of a network without inputs are all the same: ask for 1")
        _check_events(experiment, sum(p.size for p in populations), spec.samples)
        events = {
            population.name: poisson(
                (population.size,),
                spec.rate_per_step or 0.0,
                samples=spec.samples,
                steps=spec.steps,
                seed=spec.seed + number,
            )
            for number, population in enumerate(populations)
        }
        return Inputs(events, None, spec.samples, spec.steps)
    return _streamed(open_stream(experiment, network))


def _streamed(stream: SampleStream) -> Inputs:
    """Return the inputs of a stream, which are read at once where they are small."""
    from chipletsim.inputs.stream import MAX_HELD_BYTES, held

    if stream.sample_bytes * stream.samples > MAX_HELD_BYTES:
        return Inputs({}, stream.labels, stream.samples, stream.steps, stream=stream)
    events = held(stream)
    notes = tuple(stream.notes)
    return Inputs(events, stream.labels, stream.samples, stream.steps, read_notes=notes)


def _poisson_sources(
    experiment: Loaded[ExperimentSpec], spec: PoissonInputsSpec, network: Network
) -> Inputs:
    """Return a source of events for each input population.

    Raises:
        ConfigError: A population has no rate, a name is no input population, or a rate does not
            fit the time step or the bits of the population.
    """
    from chipletsim.engine.inputs import prepare_inputs
    from chipletsim.engine.poisson import poisson_source

    events: dict[str, Events] = {}
    problems = []
    for name, given in (spec.poisson or {}).items():
        rate_hz, start_s, stop_s = (
            (given.rate_hz, given.start_s, given.stop_s)
            if isinstance(given, PoissonSourceSpec)
            else (given, 0.0, None)
        )
        size = {"samples": spec.samples, "steps": spec.steps, "seed": spec.seed}
        try:
            events[name] = poisson_source(
                network, name, rate_hz, **size, start_s=start_s, stop_s=stop_s
            )
        except UsageError as error:
            problems.append(Problem(str(error), f"inputs.poisson.{name}"))
    if problems:
        raise experiment.locate(ConfigError(problems))
    try:
        prepare_inputs(network, events)
    except ConfigError as error:
        faults = [replace(each, path=_in_poisson(each.path)) for each in error.problems]
        raise experiment.locate(ConfigError(faults)) from None
    return Inputs(events, None, spec.samples, spec.steps)


def _in_poisson(path: str) -> str:
    """Return the path of inputs of a population as it stands in an experiment."""
    return "inputs.poisson" + path.removeprefix("inputs")


def _drawn(experiment: Loaded[ExperimentSpec], spec: RateInputsSpec, network: Network) -> Inputs:
    """Return activity of the rates that an experiment states.

    Raises:
        ConfigError: A population has no rate, or a name fits none.
    """
    from fnmatch import fnmatchcase

    from chipletsim.engine.rates import RateActivity

    names = list(network.index)
    given = spec.rates if isinstance(spec.rates, dict) else {"*": spec.rates}
    rates = {
        name: rate
        for pattern, rate in given.items()
        for name in names
        if fnmatchcase(name, pattern)
    }
    lost = [each for each in given if not any(fnmatchcase(name, each) for name in names)]
    problems = [
        Problem(f"fits no population; there are {', '.join(names)}", f"inputs.rates.{each}")
        for each in lost
    ]
    if missing := [name for name in names if name not in rates]:
        problems.append(Problem(f"there is no rate of {', '.join(missing)}", "inputs.rates"))
    if problems:
        raise experiment.locate(ConfigError(problems))
    try:
        drawn = RateActivity.of(
            network, rates, steps=spec.steps, samples=spec.samples, seed=spec.seed
        )
    except UsageError as error:
        raise experiment.locate(ConfigError([Problem(str(error), "inputs.steps")])) from None
    return Inputs({}, None, spec.samples, spec.steps, drawn)


def _check_events(experiment: Loaded[ExperimentSpec], channels: int, samples: int) -> None:
    """Refuse inputs that are held at once and would take more than 16 GiB.

    Raises:
        ConfigError: At the place of the steps.
    """
    from chipletsim.engine.archive import MAX_FILE_BYTES

    steps = experiment.spec.inputs.steps
    if channels * samples * steps > MAX_FILE_BYTES:
        message = (
            f"{samples:,} samples of {steps:,} steps of {channels:,} input channels are more"
            f" than the {MAX_FILE_BYTES:,} events that can be held"
        )
        raise experiment.locate(ConfigError([Problem(message, "inputs.steps")]))
