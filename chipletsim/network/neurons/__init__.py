"""Neuron models by name: spiking neurons, dense layers, encoders and decoders."""

from chipletsim.network.neurons.adaptive import ADAPTIVE_MODELS
from chipletsim.network.neurons.base import (
    Constants,
    Event,
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
from chipletsim.network.neurons.exact import EXACT_MODELS
from chipletsim.network.neurons.late import CURRENT_MODEL, late_models
from chipletsim.network.neurons.lava import LAVA_MODELS
from chipletsim.network.neurons.loihi import LOIHI_MODELS
from chipletsim.network.neurons.neuroscience import NEUROSCIENCE_MODELS
from chipletsim.network.neurons.norse import NORSE_MODELS
from chipletsim.network.neurons.rockpool import ROCKPOOL_MODELS
from chipletsim.network.neurons.sinabs import SINABS_MODELS
from chipletsim.network.neurons.snntorch import SNNTORCH_MODELS
from chipletsim.network.neurons.spiking import SPIKING_MODELS
from chipletsim.network.neurons.spikingjelly import SPIKINGJELLY_MODELS
from chipletsim.network.neurons.spyx import SPYX_MODELS
from chipletsim.network.neurons.truenorth import TRUENORTH_MODELS

_MODELS = (
    *SPIKING_MODELS,
    *EXACT_MODELS,
    *ADAPTIVE_MODELS,
    *NEUROSCIENCE_MODELS,
    *SNNTORCH_MODELS,
    *NORSE_MODELS,
    *SINABS_MODELS,
    *SPYX_MODELS,
    *ROCKPOOL_MODELS,
    *SPIKINGJELLY_MODELS,
    *LAVA_MODELS,
    *DENSE_MODELS,
    *CONVERSION_MODELS,
    *LOIHI_MODELS,
    *TRUENORTH_MODELS,
    CURRENT_MODEL,
)
NEURON_MODELS: dict[str, NeuronModel] = {
    model.name: model for model in (*_MODELS, *late_models(_MODELS))
}

__all__ = [
    "NEURON_MODELS",
    "Constants",
    "Event",
    "NeuronModel",
    "Parameter",
    "Precision",
    "Role",
    "State",
    "Timing",
    "exact_product",
]
