"""The differentiable forward pass: the engine's own program with surrogate spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.compile import Compiled
from chipletsim.engine.differentiable import differentiable_kinds
from chipletsim.engine.program import State, initial_state, window_events
from chipletsim.errors import UsageError
from chipletsim.network.connections import OneToOne
from chipletsim.network.model import Network, Projection
from chipletsim.network.neurons import NEURON_MODELS, Role
from chipletsim.training.surrogate import SurrogateNamespace

Synapses = tuple[dict[str, Any], ...]
"""For each projection, the array that is trained: ``weight``, of the shape of its connection; or
nothing."""


def trainable(compiled: Compiled) -> Synapses:
    """Return the weights of a network, as ``forward`` takes them and training changes them.

    One-to-one links to encoders and decoders are wires, whose weights stay as they are.

    Args:
        compiled: The network, from ``compile_network(network, exact=False)``.

    Raises:
        UsageError: The weights are split for exact sums.
    """
    _refuse_split(compiled)
    network = compiled.network
    return tuple(
        {} if _is_wire(each, network) else {k: v for k, v in arrays.items() if k == "weight"}
        for each, arrays in zip(network.projections, compiled.synapses, strict=True)
    )


def _is_wire(projection: Projection, network: Network) -> bool:
    role = NEURON_MODELS[network.population(projection.target).model].role
    converts = role in (Role.ENCODER, Role.DECODER)
    return converts and isinstance(projection.connection, OneToOne)


Neurons = tuple[dict[str, Any], ...]
"""For each population, the constants of its neurons that are trained; or nothing."""


def forward(
    compiled: Compiled,
    synapses: Synapses,
    inputs: tuple[jax.Array, ...],
    *,
    slope: float,
    neurons: Neurons | None = None,
) -> dict[str, jax.Array]:
    """Return the events of every population; differentiable in the synapses and neurons.

    The engine's schedule, neuron steps and native kernels run here, so spikes equal those of
    ``chipletsim.engine.simulate`` where float32 sums of the weights are exact, as for weights
    of few bits (``straight_through``); only their gradient is another. Other weights are
    summed as they are, which may change a membrane's last bit.

    Args:
        compiled: The network, from ``compile_network(network, exact=False)`` of
            ``chipletsim.engine.compile``: the weights are whole.
        synapses: Weights of each projection, as ``trainable`` gives them.
        inputs: For each input population, [samples, steps, *shape]: spikes or values.
        slope: Steepness of the surrogate gradient; see ``chipletsim.training.surrogate``.
        neurons: Constants of neurons in place of those of ``compiled``, such as thresholds; see
            ``chipletsim.training.parameters``.

    Returns:
        Population name to float32 [steps, samples, *shape].

    Raises:
        UsageError: The weights are split for exact sums.
    """
    _refuse_split(compiled)
    floats = tuple(jnp.asarray(given, jnp.float32) for given in inputs)
    start = initial_state(compiled, floats[0].shape[0])
    history = tuple(past.astype(jnp.float32) for past in start.history)
    _, events = window_events(
        compiled.program,
        _overlaid(compiled.neurons, neurons),
        _overlaid(compiled.synapses, synapses),
        State(start.neurons, history),
        floats,
        xp=SurrogateNamespace(slope),
        kinds=differentiable_kinds(),
    )
    populations = compiled.network.populations
    return {populations[index].name: each for index, each in events.items()}


def _overlaid(
    fixed: tuple[dict[str, Any], ...], trained: tuple[dict[str, Any], ...] | None
) -> tuple[dict[str, Any], ...]:
    """Return arrays by name, trained ones in place of fixed ones."""
    if trained is None:
        return fixed
    return tuple({**own, **given} for own, given in zip(fixed, trained, strict=True))


def _refuse_split(compiled: Compiled) -> None:
    """Raise UsageError where there would be a gradient of half a weight."""
    if compiled.exact:
        raise UsageError("weights are split; compile the network with exact=False to train it")


def with_synapses(network: Network, synapses: Synapses) -> Network:
    """Return the network with trained weights.

    Args:
        network: The network that was compiled.
        synapses: Weights of each projection; projections without a ``weight`` keep theirs.
    """
    projections = tuple(
        replace(
            projection, connection=projection.connection.with_weights(np.asarray(arrays["weight"]))
        )
        if "weight" in arrays
        else projection
        for projection, arrays in zip(network.projections, synapses, strict=True)
    )
    return replace(network, projections=projections)
