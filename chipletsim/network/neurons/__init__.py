"""Neuron models by name: spiking neurons, dense layers, encoders and decoders."""

from chipletsim.network.neurons.base import (
    Constants,
    NeuronModel,
    Parameter,
    Precision,
    Role,
    State,
    Timing,
    exact_product,
)
from chipletsim.network.neurons.conversion import CONVERSION_MODELS
from chipletsim.network.neurons.dense import DENSE_MODELS
from chipletsim.network.neurons.loihi import LOIHI_MODELS
from chipletsim.network.neurons.spiking import SPIKING_MODELS
from chipletsim.network.neurons.truenorth import TRUENORTH_MODELS

NEURON_MODELS: dict[str, NeuronModel] = {
    model.name: model
    for model in (
        *SPIKING_MODELS,
        *DENSE_MODELS,
        *CONVERSION_MODELS,
        *LOIHI_MODELS,
        *TRUENORTH_MODELS,
    )
}

__all__ = [
    "NEURON_MODELS",
    "Constants",
    "NeuronModel",
    "Parameter",
    "Precision",
    "Role",
    "State",
    "Timing",
    "exact_product",
]
