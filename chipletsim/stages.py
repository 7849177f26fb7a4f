"""The stages of an experiment, one function each, as a run and a sweep call them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.spec.events import ConstantInputsSpec, EventInputsSpec, ReplayInputsSpec
from chipletsim.spec.experiment import (
    BernoulliEncoding,
    DatasetInputsSpec,
    DirectEncoding,
    Encoding,
    ExperimentSpec,
    NirFileSpec,
    OnceEncoding,
    PoissonInputsSpec,
    PoissonSourceSpec,
    RateInputsSpec,
)
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.load import Loaded
from chipletsim.spec.sweep import SweepSpec

if TYPE_CHECKING:
    import numpy as np

    from chipletsim.engine.inputs import Events
    from chipletsim.engine.rates import RateActivity
    from chipletsim.inputs.stream import SampleStream
    from chipletsim.mapping.model import Mapping
    from chipletsim.mapping.traffic import Measured
    from chipletsim.network.model import Network
    from chipletsim.network.nir.understood import Understood
    from chipletsim.package.model import Package
    from chipletsim.spec.overrides import Overrides
    from chipletsim.spec.train import TrainSpec

Mapped: TypeAlias = "Loaded[ExperimentSpec] | Loaded[TrainSpec]"
"""A file with a package, a network and how to map it."""

Progress = Callable[[str], None]
"""Called with a line of text whenever a stage begins."""


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

    events: Table[str, Events]
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

    def whole(self) -> Table[str, Events]:
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


def load_experiment(
    source: str | Path | Table[str, Any],
    overrides: Overrides = (),
    *,
    seed: int | None = None,
    steps: int | None = None,
) -> Loaded[ExperimentSpec]:
    """Return an experiment file with overrides applied.

    Args:
        source: File, name of a shipped one, or its contents.
        overrides: Texts ``a.b=c``, or dotted paths to values.
        seed: Seed of the mapping and of random inputs.
        steps: Time steps per sample.

    Raises:
        ConfigError: Everything wrong with it.
    """
    experiment = load_kind(source, ExperimentSpec, overrides)
    values = _shortcuts(experiment.spec, seed, steps)
    return experiment.with_overrides(values) if values else experiment


def experiment_hash(experiment: Mapped) -> str:
    """Return the hash of a resolved configuration, its data files and this version."""
    text = f"{version('chipletsim')} {experiment.hash}"
    return hashlib.sha256(text.encode()).hexdigest()


def make_package(experiment: Mapped) -> Package:
    """Return the package of an experiment.

    Raises:
        ConfigError: It cannot be built, with the place of each fault.
    """
    from chipletsim.package.build import build_package

    try:
        return build_package(experiment.spec.package)
    except ConfigError as error:
        raise experiment.locate(_below("package", error)) from None


def make_network(experiment: Mapped) -> Network:
    """Return the network of an experiment; its inputs are graded if their encoding is.

    Raises:
        ConfigError: It cannot be built, with the place of each fault.
    """
    from chipletsim.network.load import network_from_spec

    spec = experiment.spec
    try:
        network = network_from_spec(spec.network, experiment.base)
    except ConfigError as error:
        inline = not isinstance(spec.network, NirFileSpec)
        raise experiment.locate(_below("network", error) if inline else error) from None
    bits = _value_bits(spec)
    if bits == 0:
        return network
    populations = tuple(
        replace(p, value_bits=bits) if p.model == "input" else p for p in network.populations
    )
    return replace(network, populations=populations)


def nir_reading(file: Loaded[Any]) -> Understood | None:
    """Return how the NIR network of a file is read; None where it has none.

    Weights are not read, so that what is wrong with them, or with the synapses, shows only in
    ``make_network``.

    Args:
        file: An experiment, a training file or a sweep.

    Raises:
        ConfigError: The NIR file cannot be read, or its preset refuses it or what is asked of it.
    """
    if isinstance(file.spec, SweepSpec):
        file = file.section("experiment", ExperimentSpec)
    network = getattr(file.spec, "network", None)
    if not isinstance(network, NirFileSpec):
        return None
    from chipletsim.network.nir.understood import understand_file

    try:
        return understand_file(network, file.base)
    except ConfigError as error:
        raise file.locate(error) from None


def _value_bits(spec: ExperimentSpec | TrainSpec) -> int:
    """Return the bits of the values that inputs are fed; 0 for spikes, or as the network says."""
    from chipletsim.spec.train import TrainSpec

    if isinstance(spec, TrainSpec):
        return _encoded_bits(spec.data.encoding)
    inputs = spec.inputs
    if isinstance(inputs, DatasetInputsSpec):
        return _encoded_bits(inputs.encoding)
    if isinstance(inputs, EventInputsSpec):
        return inputs.binning.value_bits if inputs.binning.several == "count" else 0
    if isinstance(inputs, ConstantInputsSpec | ReplayInputsSpec):
        return inputs.value_bits or 0
    return 0


def _encoded_bits(encoding: Encoding) -> int:
    return encoding.value_bits if isinstance(encoding, DirectEncoding | OnceEncoding) else 0


def make_mapping(experiment: Loaded[ExperimentSpec], network: Network, package: Package) -> Mapping:
    """Return the mapping that an experiment asks for; errors as for `map_for`."""
    return map_for(experiment, network, package, lambda: make_inputs(experiment, network))


def map_for(
    experiment: Mapped, network: Network, package: Package, inputs: Callable[[], Inputs]
) -> Mapping:
    """Return the mapping that a file asks for.

    Measured rates take a simulation of their own, with weights as a mapping for estimated
    rates rounds them.

    Args:
        experiment: The file.
        network: Its network.
        package: Its package.
        inputs: Gives what rates are measured on, if they are.

    Raises:
        ConfigError: The mapping section, or the mapping file it names, is at fault.
        InfeasibleError: The network does not fit.
    """
    from chipletsim.mapping.store import load_mapping

    spec = experiment.spec.mapping
    if spec.file is not None:
        return load_mapping(experiment.base / spec.file, network, package)
    mapping = _mapped(experiment, network, package, None)
    if spec.rates == "estimated":
        return mapping
    rates = _measured(network, inputs(), mapping)
    return _mapped(experiment, network, package, rates)


def _mapped(
    experiment: Mapped, network: Network, package: Package, rates: Measured | None
) -> Mapping:
    """Return the mapping for some rates; faults are located in the experiment."""
    from chipletsim.mapping.map import map_network

    spec = experiment.spec.mapping
    place = {name: rule.model_dump(exclude_none=True) for name, rule in spec.place.items()}
    try:
        return map_network(
            network,
            package,
            strategy=spec.strategy,
            seed=spec.seed,
            place=place,
            synapse_units=spec.synapse_units,
            split=spec.split,
            activity=rates,
        )
    except ConfigError as error:
        raise experiment.locate(_below("mapping", error)) from None


def _measured(network: Network, inputs: Inputs, mapping: Mapping) -> Measured:
    """Return how often each neuron spikes, window by window, so that no raster is kept."""
    from chipletsim.engine.memory import streaming_batch
    from chipletsim.engine.simulate import Simulator
    from chipletsim.mapping.traffic import MeasuredEvents

    count, window = streaming_batch(network, inputs.samples, inputs.steps)
    shapes = {population.name: population.shape for population in network.populations}
    totals = MeasuredEvents(shapes, inputs.samples, inputs.steps)
    simulator = Simulator(network, mapping=mapping)
    for batch in inputs.batches(count):
        whole = window == inputs.steps
        free = inputs.free_steps
        windows = (
            [simulator.run(batch, steps=free)]
            if whole
            else simulator.windows(batch, window, steps=free)
        )
        for part in windows:
            totals.add(part)
    return totals


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


def _shortcuts(spec: ExperimentSpec, seed: int | None, steps: int | None) -> dict[str, Any]:
    """Return overrides for the options that have a flag of their own."""
    values: dict[str, Any] = {}
    if seed is not None:
        if spec.mapping.file is None:  # a finished mapping has no seed to change
            values["mapping.seed"] = seed
        if isinstance(spec.inputs, PoissonInputsSpec | RateInputsSpec):
            values["inputs.seed"] = seed
        elif isinstance(spec.inputs, DatasetInputsSpec) and isinstance(
            spec.inputs.encoding, BernoulliEncoding
        ):
            values["inputs.encoding.seed"] = seed
    if steps is not None:
        values["inputs.steps"] = steps
    return values


def _below(section: str, error: ConfigError) -> ConfigError:
    """Return the error with its paths as seen from the experiment file."""
    paths = [
        replace(fault, path=f"{section}.{fault.path}")
        if fault.path and not fault.path.startswith(f"{section}.")
        else fault
        for fault in error.problems
    ]
    return ConfigError(paths)
