"""Recurrent spiking networks for Spiking Heidelberg Digits (700 channels, 20 words).

Sources: sparch/models/snns.py of github.com/idiap/sparch at f875625 (Bittar and Garner,
Frontiers in Neuroscience 2022; three layers, hidden 128 and 100 steps are its defaults,
hidden 1024 recalled from the paper); the plain networks recalled from Cramer et al., "The
Heidelberg spiking data sets" (2020).

Adaptive neurons have four numbers each (alpha, beta, a, b), others and the readout one
(alpha). A recurrent matrix reads the spikes of the step before; its diagonal is masked in
use, yet stored and priced.
"""

from __future__ import annotations

from dataclasses import dataclass

from chipletsim.models.builder import Builder
from chipletsim.models.checks import require_positive
from chipletsim.models.model import Kind, Model, Signal


@dataclass(frozen=True)
class RecurrentSize:
    """Hyper-parameters of a network of fully connected spiking layers.

    Attributes:
        hidden: Neurons of each hidden layer.
        recurrent: Whether hidden layers read their own spikes of the step before.
        adaptive: Whether hidden neurons adapt: three more parameters, one more state.
        trained_neurons: Whether neurons have trained vectors and layers a batch norm.
        inputs: Input channels.
        outputs: Outputs.
        time_steps: Time steps per run.
    """

    hidden: tuple[int, ...]
    recurrent: bool
    adaptive: bool = False
    trained_neurons: bool = True
    inputs: int = 700
    outputs: int = 20
    time_steps: int = 100


RECURRENT_SIZES = {
    "sparch_shd_lif_128": RecurrentSize((128, 128), recurrent=False),
    "sparch_shd_rlif_128": RecurrentSize((128, 128), recurrent=True),
    "sparch_shd_adlif_128": RecurrentSize((128, 128), recurrent=False, adaptive=True),
    "sparch_shd_radlif_128": RecurrentSize((128, 128), recurrent=True, adaptive=True),
    "sparch_shd_radlif_1024": RecurrentSize((1024, 1024), recurrent=True, adaptive=True),
    "shd_rsnn_128": RecurrentSize((128,), recurrent=True, trained_neurons=False),
    "shd_rsnn_256": RecurrentSize((256,), recurrent=True, trained_neurons=False),
}


def recurrent_network(
    size: RecurrentSize, name: str = "recurrent", time_steps: int | None = None
) -> Model:
    """Return the network; layer i has the matrices ``i.W`` and, if recurrent, ``i.V``.

    Args:
        size: Hyper-parameters.
        name: Name of the model.
        time_steps: Time steps instead of those of ``size``.
    """
    steps = size.time_steps if time_steps is None else time_steps
    require_positive(name, layers=len(size.hidden))
    builder = Builder(name, "recurrent", steps)
    x = builder.input((size.inputs,), Signal.SPIKE_COUNTS)
    for number, width in enumerate(size.hidden):
        builder.block = f"layer{number}"
        x = _hidden_layer(builder, x, number, width, size)
    builder.block = "readout"
    number = len(size.hidden)
    x = _current(builder, x, number, size.outputs, size)
    parameters = size.outputs * size.trained_neurons
    x = builder.neuron(f"{number}.readout", x, parameters=parameters, signal=Signal.VALUES)
    builder.time_mean(f"{number}.sum", x)
    return builder.model()


def _current(builder: Builder, x: str, number: int, width: int, size: RecurrentSize) -> str:
    """Add the feed-forward matrix and its norm."""
    x = builder.linear(f"{number}.W", x, width, bias=False)
    return builder.norm(f"{number}.norm", x) if size.trained_neurons else x


def _hidden_layer(builder: Builder, x: str, number: int, width: int, size: RecurrentSize) -> str:
    sources = [_current(builder, x, number, width, size)]
    neuron = f"{number}.neuron"
    if size.recurrent:
        sources.append(
            builder.layer(
                f"{number}.V",
                Kind.LINEAR,
                (),
                (width,),
                each_step=True,
                inputs=(width,),
                parameters=width**2,
                weights=width**2,
                macs=width**2,
                delayed=(neuron,),
            )
        )
    vectors, states = (4, 2) if size.adaptive else (1, 1)
    parameters = vectors * width * size.trained_neurons
    return builder.neuron(neuron, *sources, parameters=parameters, state=states * width)
