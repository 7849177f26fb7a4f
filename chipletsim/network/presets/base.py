"""What a preset is: how a framework steps the neurons of a NIR file.

NIR stores differential equations. It does not say how a framework discretises them, when and to
what it resets a neuron, and how many spikes it may send in a step. A preset says it: from a
node's type and fields and a few options it makes a neuron model and its parameters, and back.

To add one: a file of this folder with a ``Preset``, a line in ``PRESETS``, its name in
``chipletsim.spec.nir``; ``exports`` says what its exporter writes, so that files of others are
noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from chipletsim.network.nir.graph import NirNode

if TYPE_CHECKING:
    from chipletsim.network.nir.graph import NirGraph

Options = Mapping[str, Any]
Parameters = dict[str, np.ndarray]
Edge = tuple[str, str]


@dataclass(frozen=True)
class Neuron:
    """A neuron node, and what a preset may know of it.

    Attributes:
        node: The node.
        dt: Time step in the unit of the file's time constants.
        recurrent: Whether synapses lead from it back to it.
        options: Options of the preset, those of the node included; all have a value.
    """

    node: NirNode
    dt: float
    recurrent: bool
    options: Options

    def decay(self, name: str) -> np.ndarray:
        """Return float32 ``1 - dt / tau``; 1 where tau is infinite.

        Where a file holds float32, dt is rounded likewise, as the exporter did: their ratio
        is then exact where the framework's number was.

        Raises:
            ValueError: A time constant is not positive, or below the time step.
        """
        ratio = self.ratio(name)
        return (1 - ratio).astype(np.float32)

    def ratio(self, name: str) -> np.ndarray:
        """Return float64 ``dt / tau``; errors as for ``decay``."""
        tau = self.node.numbers(name)
        if not np.all(tau > 0):
            raise ValueError(f"field `{name}` must be greater than 0")
        step = np.float64(np.float32(self.dt)) if tau.dtype == np.float32 else self.dt
        with np.errstate(over="ignore"):
            ratio = step / tau.astype(np.float64)
        if np.any(ratio.astype(np.float32) > 1):
            raise ValueError(
                f"the least {name} is {np.min(tau):g}, below the time step of {self.dt:g} that it"
                " was written with; check `export_dt` and the unit"
            )
        return ratio

    def gain(self, name: str) -> np.ndarray:
        """Return float64 ``r dt / tau``: NIR's gain of the current in one step.

        It is not a number where ``r`` and ``tau`` are infinite, as of a neuron without leak.
        """
        return self._times("r", None, name)

    def gain_of_inputs(self) -> np.ndarray:
        """Return float64 ``w_in dt / tau_syn``, likewise."""
        return self._times("w_in", 1.0, "tau_syn")

    def _times(self, factor: str, default: float | None, tau: str) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return self.node.numbers(factor, default).astype(np.float64) * self.ratio(tau)

    def array(self, name: str, default: float | None = None) -> np.ndarray:
        """Return a field as float32."""
        return self.node.array(name, default)

    def require(self, name: str, value: float) -> None:
        """Raise ValueError unless a field has one value throughout, as the framework has it."""
        if np.any(self.node.array(name, value) != value):
            raise ValueError(f"`{name}` must be {value:g}: the framework's neurons have no other")


class Reading(NamedTuple):
    """What a node becomes.

    Attributes:
        model: Neuron model.
        parameters: Its parameters, of the shapes in the file.
        input_delay: Steps by which everything that the population receives comes later.
    """

    model: str
    parameters: Parameters
    input_delay: int = 0


class Part(NamedTuple):
    """A node that is written: what is added to the population's name, its type and fields."""

    suffix: str
    type: str
    fields: dict[str, Any]


class Writing(NamedTuple):
    """What a population becomes: nodes in a row, and the options to read them with."""

    parts: tuple[Part, ...]
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


Read = Callable[[Neuron], Reading]
Written = dict[str, tuple[str, np.ndarray | float]]
"""Field to how its exporter computes it, in words or empty, and what it then writes there."""
Write = Callable[[str, Parameters, float], Writing]
"""Model, parameters as float64 and time step to nodes."""


def as_asked(nodes: Mapping[str, NirNode], options: Options, dt_s: float) -> float:
    """Return the time step of the file: the option ``export_dt``, else that of the network."""
    asked = options.get("export_dt_s")
    return dt_s if asked is None else asked


def nothing_to_say(nodes: Mapping[str, NirNode], options: Options) -> str:
    """Return no note."""
    return ""


def unchanged(graph: NirGraph) -> NirGraph:
    """Return the graph as it is."""
    return graph


@dataclass(frozen=True)
class Preset:
    """A framework's way to step a NIR file.

    Attributes:
        name: Key in ``PRESETS``.
        options: Its options and their defaults, which are the framework's own.
        read: NIR node type to the function that reads it.
        write: Neuron model to the function that writes it.
        file_dt: Time step in the unit of the file's time constants, from the neuron nodes,
            the options and the network's time step.
        prepare: Puts right what the framework's exporter writes wrongly.
        channels_last: Whether ``Flatten`` runs in the order (H, W, C).
        pads_in_all: Whether padding of ``SumPool2d`` is the sum of both sides.
        fixed_dt: Whether time constants stand for decays in one step, whatever its length: our
            writer then notes the time step that it writes them with.
        joined_type: Type that ``prepare`` gives to a node and the one behind, joined.
        exports: What the framework's exporter writes into fields that tell it from others, for
            ``chipletsim.network.presets.origin``; raises ValueError for a neuron that it cannot
            have written. None where files of any origin are read.
        late_edges: From nodes and edges, the edges against the order in which the framework runs
            nodes: they act a step later, and biases on them likewise. None where it has no order.
        note: What a reader of the figures should know, from all nodes and the options.
    """

    name: str
    options: Options
    read: Mapping[str, Read]
    write: Mapping[str, Write]
    file_dt: Callable[[Mapping[str, NirNode], Options, float], float] = as_asked
    prepare: Callable[[NirGraph], NirGraph] = unchanged
    channels_last: bool = False
    pads_in_all: bool = False
    fixed_dt: bool = False
    joined_type: str = ""
    exports: Callable[[Neuron], Written] | None = None
    late_edges: Callable[[Mapping[str, NirNode], Sequence[Edge]], frozenset[Edge]] | None = None
    note: Callable[[Mapping[str, NirNode], Options], str] = nothing_to_say


def inverse(ratio: np.ndarray) -> np.ndarray:
    """Return ``tau / dt``, infinite where ``dt / tau`` is 0."""
    with np.errstate(divide="ignore"):
        return 1 / ratio


def time_constant(decay: np.ndarray, dt: float) -> np.ndarray:
    """Return float64 ``dt / (1 - decay)``, infinite where nothing decays."""
    with np.errstate(divide="ignore"):
        return dt / (1 - decay)


def alike(like: np.ndarray, value: float) -> np.ndarray:
    """Return float32 of the shape of ``like``, filled with ``value``."""
    return np.full(like.shape, value, np.float32)
