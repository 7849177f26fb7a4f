"""Training with surrogate gradients, on the engine's own forward pass."""

from chipletsim.training.forward import Synapses, forward, trainable, with_synapses
from chipletsim.training.quantisation import straight_through
from chipletsim.training.surrogate import SurrogateNamespace, spike

__all__ = [
    "SurrogateNamespace",
    "Synapses",
    "forward",
    "spike",
    "straight_through",
    "trainable",
    "with_synapses",
]
