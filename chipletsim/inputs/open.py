"""Which stream reads the inputs of an experiment."""

from __future__ import annotations

from chipletsim.engine.inputs import input_populations
from chipletsim.errors import ConfigError
from chipletsim.inputs.constant import ConstantSamples
from chipletsim.inputs.dataset import DatasetSamples
from chipletsim.inputs.recordings import RecordingSamples
from chipletsim.inputs.replay import ReplaySamples
from chipletsim.inputs.stream import SampleStream
from chipletsim.network.model import Network
from chipletsim.spec.events import ConstantInputsSpec, EventInputsSpec, ReplayInputsSpec
from chipletsim.spec.experiment import DatasetInputsSpec, ExperimentSpec
from chipletsim.spec.load import Loaded


def open_stream(experiment: Loaded[ExperimentSpec], network: Network) -> SampleStream:
    """Return what reads the samples that an experiment asks for.

    To add a source of samples, write its spec, a class with the methods of `SampleStream` in a
    file of this folder, and a line here.

    Args:
        experiment: An experiment whose inputs are samples: no rates, and no random spikes.
        network: Its network.

    Raises:
        ConfigError: A file is missing or damaged, or does not fit the network.
        UsageError: A library is not installed.
    """
    spec, base = experiment.spec.inputs, experiment.base
    try:
        if isinstance(spec, ConstantInputsSpec):
            return ConstantSamples(spec, network)
        if isinstance(spec, ReplayInputsSpec):
            return ReplaySamples(spec, base, network)
    except ConfigError as error:
        raise experiment.locate(error) from None
    populations = input_populations(network)
    what = "a dataset feeds" if isinstance(spec, DatasetInputsSpec) else "event recordings feed"
    if len(populations) != 1:
        names = ", ".join(population.name for population in populations) or "none"
        raise ConfigError(f"{what} one input population; the network has: {names}")
    if isinstance(spec, DatasetInputsSpec):
        return DatasetSamples(base / spec.dataset, spec, network)
    if isinstance(spec, EventInputsSpec):
        return RecordingSamples(spec, base, populations[0], network.dt_s)
    raise TypeError(f"inputs of type {type(spec).__name__} hold no samples")
