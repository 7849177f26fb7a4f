"""A network of SANA-FE as plain arrays, whichever file it came from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

MODES = {"none": 0.0, "soft": 1.0, "hard": 2.0, "saturate": 3.0}
"""Ways of a reset, as ``chipletsim.network.neurons`` numbers them."""
PARAMETERS = {
    "leaky_integrate_fire": (
        "threshold", "leak_decay", "input_decay", "bias", "reset", "reverse_threshold",
        "reverse_reset", "refractory_delay", "force_update", "reset_mode", "reverse_reset_mode",
        "potential",
    ),
    "truenorth": (
        "threshold", "leak", "leak_towards_zero", "bias", "reset", "reverse_threshold",
        "reverse_reset", "force_update", "reset_mode", "reverse_reset_mode",
    ),
    "input": ("rate", "poisson"),
}  # fmt: skip
"""Soma model to the numbers that it reads of a neuron."""


@dataclass(frozen=True)
class Group:
    """A group of neurons: its name and its size."""

    name: str
    size: int


@dataclass(frozen=True)
class Synapses:
    """Synapses in the order in which they were made.

    Attributes:
        source: int64 [synapses], sending neuron, counted over all groups.
        target: int64 [synapses], receiving neuron.
        weight: float64 [synapses].
        delay: int64 [synapses], steps beyond the one that every synapse takes.
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    delay: np.ndarray

    @staticmethod
    def joined(parts: list[Synapses]) -> Synapses:
        """Return several lists as one, one after the other."""
        if not parts:
            none = np.zeros(0, np.int64)
            return Synapses(none, none, np.zeros(0), none)
        return Synapses(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("source", "target", "weight", "delay")
            )
        )


@dataclass(frozen=True)
class Places:
    """Where neurons live.

    Attributes:
        core: int64 [neurons], number of the core, -1 for neurons without one.
        order: int64 [neurons], rank in which neurons were mapped: that of a core's neurons.
        units: Section (``soma``, ``synapse``, ``dendrite``) to names, one for each neuron;
            empty for the first unit of its core.
    """

    core: np.ndarray
    order: np.ndarray
    units: dict[str, np.ndarray]


@dataclass(frozen=True)
class Snn:
    """A network. Neurons are counted group by group.

    Attributes:
        name: Its name.
        groups: Groups in order.
        values: Attribute of neurons to float64 [neurons], NaN where nothing is said.
        trains: Neuron to its spikes, bool [steps].
        synapses: All synapses.
        places: Where neurons live.
        steps: Steps that the file is about; 0 where it says nothing.
    """

    name: str
    groups: tuple[Group, ...]
    values: dict[str, np.ndarray]
    trains: dict[int, np.ndarray]
    synapses: Synapses
    places: Places
    steps: int = 0
    firsts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        sizes = [group.size for group in self.groups]
        object.__setattr__(self, "firsts", first_neurons(sizes))

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return int(self.firsts[-1])

    def neuron(self, number: int) -> str:
        """Return the name of a neuron, ``group.index``."""
        group = int(np.searchsorted(self.firsts, number, side="right")) - 1
        while self.groups[group].size == 0:
            group += 1
        return f"{self.groups[group].name}.{number - int(self.firsts[group])}"


def first_neurons(sizes: list[int]) -> np.ndarray:
    """Return int64 [groups + 1]: number of the first neuron of each group, and the total."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
