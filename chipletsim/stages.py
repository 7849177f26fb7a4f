"""The stages of an experiment, one function each, as a run and a sweep call them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from chipletsim.errors import ConfigError
from chipletsim.inputs.make import Inputs, make_inputs
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
    RateInputsSpec,
)
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.load import Loaded
from chipletsim.spec.sweep import SweepSpec

if TYPE_CHECKING:
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
