"""States that a simulation keeps after each step."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from chipletsim.errors import UsageError
from chipletsim.network.model import Network
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.spec.fault import nearest_names

RecordedStates = dict[str, tuple[str, ...]]
"""Population name to names of states."""


def recorded_states(network: Network, names: Iterable[str]) -> RecordedStates:
    """Return which states of which populations are kept: those called by one of ``names``.

    Args:
        network: The network.
        names: Names of states, such as ``v``.

    Raises:
        UsageError: No population has a state of that name.
    """
    if isinstance(names, str):
        raise UsageError(f"give the states to record as a sequence, such as ({names!r},)")
    wanted = list(dict.fromkeys(names))
    states = {each.name: NEURON_MODELS[each.model].states for each in network.populations}
    known = {state for own in states.values() for state in own}
    for name in wanted:
        if name not in known:
            close = nearest_names(name, sorted(known))
            there = ", ".join(sorted(known)) or "none"
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {there}"
            raise UsageError(f"no neuron of {network.name!r} has a state {name!r}; {hint}")
    kept = {name: tuple(each for each in wanted if each in own) for name, own in states.items()}
    return {name: own for name, own in kept.items() if own}


def recorded_bytes(network: Network, recorded: RecordedStates) -> int:
    """Return the bytes of recorded states of one step of one sample."""
    models = {each.name: NEURON_MODELS[each.model] for each in network.populations}
    return sum(
        network.population(name).size * len(states) * np.dtype(models[name].dtype).itemsize
        for name, states in recorded.items()
    )
