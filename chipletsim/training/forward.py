"""The differentiable forward pass: the engine's own program with surrogate spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.compile import Compiled
from chipletsim.engine.program import State, initial_state, window_events
from chipletsim.errors import UsageError
from chipletsim.network.connections import Sparse
from chipletsim.network.model import Network
from chipletsim.training.surrogate import SurrogateNamespace

Synapses = tuple[dict[str, Any], ...]


def forward(
    compiled: Compiled, synapses: Synapses, inputs: tuple[jax.Array, ...], *, slope: float
) -> dict[str, jax.Array]:
    """Return the events of every population; differentiable in the synapses.

    The engine's schedule, projections and neuron steps run here, so spikes equal those of
    ``chipletsim.engine.simulate`` where float32 sums of the weights are exact, as for weights
    of few bits (``straight_through``); only their gradient is another. Other weights are
    summed in float32 as they are, which may change a membrane's last bit.

    Args:
        compiled: The network, from ``compile_network(network, exact=False)`` of
            ``chipletsim.engine.compile``: the weights are whole.
        synapses: Arrays of each projection, like ``compiled.synapses``.
        inputs: For each input population, [samples, steps, *shape]: spikes or values.
        slope: Steepness of the surrogate gradient; see ``chipletsim.training.surrogate``.

    Returns:
        Population name to float32 [steps, samples, *shape].

    Raises:
        UsageError: The weights are split for exact sums, or a connection is sparse.
    """
    _refuse_untrainable(compiled)
    floats = tuple(jnp.asarray(given, jnp.float32) for given in inputs)
    start = initial_state(compiled, floats[0].shape[0])
    history = tuple(past.astype(jnp.float32) for past in start.history)
    _, events = window_events(
        compiled.program,
        compiled.neurons,
        synapses,
        State(start.neurons, history),
        floats,
        xp=SurrogateNamespace(slope),
    )
    populations = compiled.network.populations
    return {populations[index].name: each for index, each in events.items()}


def _refuse_untrainable(compiled: Compiled) -> None:
    """Raise UsageError where there would be no gradient, or one of half a weight."""
    if compiled.exact:
        raise UsageError("weights are split; compile the network with exact=False to train it")
    sparse = [
        each.name for each in compiled.network.projections if isinstance(each.connection, Sparse)
    ]
    if sparse:
        names = ", ".join(map(repr, sparse))
        raise UsageError(f"sparse connections cannot be trained; make dense ones of {names}")


def with_synapses(network: Network, synapses: Synapses) -> Network:
    """Return the network with trained weights.

    Args:
        network: The network that was compiled.
        synapses: Arrays of each projection; projections without a ``weight`` keep theirs.
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
