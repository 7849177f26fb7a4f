"""From a training file to a network that can be trained on its package."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chipletsim.errors import ConfigError
from chipletsim.inputs.make import Inputs
from chipletsim.spec.experiment import BernoulliEncoding
from chipletsim.spec.kinds import load_kind
from chipletsim.spec.load import Loaded
from chipletsim.spec.train import TrainSpec
from chipletsim.stages import make_network, make_package, map_for

if TYPE_CHECKING:
    from chipletsim.mapping.model import Mapping
    from chipletsim.network.model import Network
    from chipletsim.spec.overrides import Overrides
    from chipletsim.training.batches import Samples
    from chipletsim.training.loss import MappedLoss
    from chipletsim.training.parameters import Parameters
    from chipletsim.training.split import Split


@dataclass(frozen=True, eq=False)
class Prepared:
    """Everything that a training starts from.

    Attributes:
        mapping: Where the network lives; its network holds the weights at the start, averages
            in front of quantised projections folded into them.
        split: Samples.
        loss: The loss.
        start: Parameters at the start.
    """

    mapping: Mapping
    split: Split
    loss: MappedLoss
    start: Parameters

    def stored(self, parameters: Parameters) -> Mapping:
        """Return the mapping of the trained network, which its tiles do not change any more."""
        from chipletsim.training.parameters import with_parameters

        trained = with_parameters(self.mapping.network, self.loss.compiled, parameters)
        return self.mapping.with_network(self.mapping.with_network(trained).lowered())


def load_training(
    source: str | Path | Table[str, Any], overrides: Overrides = (), *, seed: int | None = None
) -> Loaded[TrainSpec]:
    """Return a training file with overrides applied.

    Args:
        source: File, name of a shipped one, or its contents.
        overrides: Texts ``a.b=c``, or dotted paths to values.
        seed: Seed of the optimiser, the mapping and of random encodings.

    Raises:
        ConfigError: Everything wrong with it.
    """
    training = load_kind(source, TrainSpec, overrides)
    if seed is None:
        return training
    values: dict[str, Any] = {"optimiser.seed": seed}
    if training.spec.mapping.file is None:
        values["mapping.seed"] = seed
    if isinstance(training.spec.data.encoding, BernoulliEncoding):
        values["data.encoding.seed"] = seed
    return training.with_overrides(values)


def prepare(training: Loaded[TrainSpec]) -> Prepared:
    """Return what a training starts from.

    Raises:
        ConfigError: A section is at fault, with its place.
        InfeasibleError: The network does not fit the package.
        UsageError: An extra is not installed.
    """
    from chipletsim.engine.compile import compile_network
    from chipletsim.training.loss import check_output, mapped_loss
    from chipletsim.training.parameters import start_parameters
    from chipletsim.training.split import make_split

    spec = training.spec
    package, network = make_package(training), make_network(training)
    try:
        _check_inputs(network)
        check_output(network)
        split = make_split(spec.data, training.base, network)
        mapping = map_for(training, network, package, lambda: inputs_of(network, split.validation))
        mapping = mapping.with_network(folded(mapping))
        compiled = compile_network(mapping.network, exact=False)
        thresholds = spec.learn.thresholds
        start = start_parameters(
            compiled,
            thresholds=None if thresholds == "fixed" else thresholds,
            biases=spec.learn.biases,
        )
        loss = mapped_loss(compiled, mapping, spec.loss, slope=spec.optimiser.slope)
    except ConfigError as error:
        raise training.locate(_in_file(error)) from None
    return Prepared(mapping, split, loss, start)


def inputs_of(network: Network, samples: Samples) -> Inputs:
    """Return samples as inputs of a network."""
    (population,) = (p for p in network.populations if p.model == "input")
    events = {population.name: samples.events()}
    return Inputs(events, samples.labels, samples.size, samples.steps)


def _in_file(error: ConfigError) -> ConfigError:
    """Return the error with paths of populations as seen from the training file."""
    return ConfigError(
        [
            replace(fault, path=f"network.{fault.path}")
            if fault.path.startswith("populations.")
            else fault
            for fault in error.problems
        ]
    )


def _check_inputs(network: Network) -> None:
    inputs = [p.name for p in network.populations if p.model == "input"]
    if len(inputs) != 1:
        names = ", ".join(inputs) or "none"
        raise ConfigError(f"a dataset feeds one input population; the network has: {names}")


def folded(mapping: Mapping) -> Network:
    """Return the network with the averages folded that its tiles would fold into weights."""
    from chipletsim.network.lower import FULL_BITS, without_average

    bits = mapping.weight_bits()
    projections = tuple(
        without_average(each)
        if bits[each.name] < FULL_BITS and each.connection.weights.size
        else each
        for each in mapping.network.projections
    )
    return replace(mapping.network, projections=projections)
