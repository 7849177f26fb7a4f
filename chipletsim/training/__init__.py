"""Training with surrogate gradients, on the engine's own forward pass."""

from chipletsim.training.forward import Neurons, Synapses, forward, trainable, with_synapses
from chipletsim.training.mapped_cost import MappedCost, mapped_cost
from chipletsim.training.parameters import (
    Parameters,
    neuron_constants,
    start_parameters,
    with_parameters,
)
from chipletsim.training.quantisation import straight_through
from chipletsim.training.surrogate import SurrogateNamespace, spike

__all__ = [
    "MappedCost",
    "Neurons",
    "Parameters",
    "SurrogateNamespace",
    "Synapses",
    "forward",
    "mapped_cost",
    "neuron_constants",
    "spike",
    "start_parameters",
    "straight_through",
    "trainable",
    "with_parameters",
    "with_synapses",
]
