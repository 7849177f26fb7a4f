"""How long neurons, messages and hops take on the tiles of a package."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.noc.listed import distinct
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.package.model import Package
from chipletsim.tiles import MessageTimes, NeuronTimes, TileParameters


class PlanTimes(NamedTuple):
    """Times of a package on a plan, in seconds.

    Attributes:
        dendrite_s: float64 [neurons], and so the next three, see `NeuronTimes`.
        access_s: As above.
        update_s: As above.
        spike_s: As above.
        out_s: float64 [cores], of each message that is sent.
        processing_s: float64 [axons], of a message that arrives, its synapses included.
        hop_s: float64 [cores, 4], of a hop of messages that a core sends: east, west, north, south.
    """

    dendrite_s: np.ndarray
    access_s: np.ndarray
    update_s: np.ndarray
    spike_s: np.ndarray
    out_s: np.ndarray
    processing_s: np.ndarray
    hop_s: np.ndarray


def plan_times(
    plan: MessagePlan, package: Package, *, by_turns: bool = False, whole_steps: bool = False
) -> PlanTimes:
    """Return the times of a package on a plan.

    Args:
        plan: Of a mapping to tiles like those of the package.
        package: The package.
        by_turns: Whether the timing model knows tiles that compute and work on messages by turns.
        whole_steps: Whether it knows tiles that do the work of a step as a whole; those have no
            times for single messages, and get zeros.

    Raises:
        ConfigError: A tile in use is of a kind without times for single messages, or without
            such as the model knows.
    """
    used = np.flatnonzero(np.bincount(np.concatenate([plan.core, plan.axon_core])))
    known: dict[TileParameters, MessageTimes] = {}
    cores: dict[int, MessageTimes] = {}
    for core in used.tolist():
        tile = package.tiles[plan.tile[core]]
        if tile.parameters not in known:
            known[tile.parameters] = _times_of(tile.name, tile.parameters, by_turns, whole_steps)
        cores[core] = known[tile.parameters]
    neuron_s = np.zeros((plan.tile.size, int(plan.unit.max(initial=0)) + 1, 4))
    converted_s = np.zeros((plan.tile.size, 4))
    out_s, hop_s = np.zeros(plan.tile.size), np.zeros((plan.tile.size, 4))
    for core, times in cores.items():
        own = times.neurons[: neuron_s.shape[1]]
        neuron_s[core, : len(own)] = own
        converted_s[core] = times.converted
        out_s[core] = times.out_s
        hop_s[core] = times.hop_s or _link_hops(package, int(plan.tile[core]))
    own_s = np.where(
        plan.converted[:, None], converted_s[plan.core], neuron_s[plan.core, plan.unit]
    )
    dendrite_s, access_s, update_s, spike_s = own_s.T.copy()
    return PlanTimes(
        dendrite_s=dendrite_s,
        access_s=access_s,
        update_s=update_s,
        spike_s=spike_s,
        out_s=out_s,
        processing_s=_processing(plan, cores),
        hop_s=hop_s,
    )


def _times_of(
    name: str, parameters: TileParameters, by_turns: bool, whole_steps: bool
) -> MessageTimes:
    times = parameters.message_times()
    if times is None and whole_steps:
        return MessageTimes((NeuronTimes(0.0, 0.0, 0.0, 0.0),), (0.0,), 0.0, 0.0, hop_s=None)
    if times is None or (times.by_turns and not by_turns):
        message = (
            f"tile {name} is of kind {parameters.kind}, which has no times for single messages; "
            "timing models `simple` and `detailed` take pipeline_core and io tiles, others all"
        )
        raise ConfigError([Problem(message, "timing")])
    return times


def _link_hops(package: Package, tile: int) -> tuple[float, float, float, float]:
    """Return the time of a hop by direction, from the links and routers of a tile's die."""
    chiplet = package.chiplets[package.tiles[tile].chiplet]
    network = package.spec.chiplet_types[chiplet.type].network
    along_x = network.link.expected_latency_s + network.router.latency_s
    along_y = (network.link_vertical or network.link).expected_latency_s + network.router.latency_s
    return along_x, along_x, along_y, along_y


def _processing(plan: MessagePlan, cores: dict[int, MessageTimes]) -> np.ndarray:
    """Return float64 [axons]: one synapse after the other is added to the time of a message."""
    axon, unit, count = plan.synapses.T
    in_s, event_s = np.zeros(plan.tile.size), np.zeros((plan.tile.size, _units(cores)))
    for core, times in cores.items():
        in_s[core] = times.in_s
        event_s[core, : len(times.event_s)] = times.event_s
    total = in_s[plan.axon_core]
    step = event_s[plan.axon_core[axon], unit]
    first = np.flatnonzero(np.diff(axon, prepend=-1))
    layer = np.arange(axon.size) - np.repeat(first, np.diff(np.append(first, axon.size)))
    for number in range(int(layer.max(initial=-1)) + 1):
        chosen = np.flatnonzero(layer == number)
        total[axon[chosen]] = repeated_sums(total[axon[chosen]], step[chosen], count[chosen])
    return total


def _units(cores: dict[int, MessageTimes]) -> int:
    """Return the most synapse units of a core."""
    return max((len(times.event_s) for times in cores.values()), default=0)


def repeated_sums(start: np.ndarray, step: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return ``start + step + step ...``, added ``count`` times one by one, as hardware would.

    Args:
        start: float64 [sums].
        step: float64 [sums].
        count: int64 [sums].

    Example:
        >>> found = repeated_sums(np.array([0.0]), np.array([0.1]), np.array([3]))
        >>> bool(found[0] == 0.1 + 0.1 + 0.1), bool(found[0] == 0.3)
        (True, False)
    """
    steps = distinct(step)
    which = np.searchsorted(starts := distinct(start), start) * steps.size
    which += np.searchsorted(steps, step)
    pairs = distinct(which)
    which = np.searchsorted(pairs, which)
    most = np.zeros(pairs.size, np.int64)
    np.maximum.at(most, which, count)
    sums = []
    for pair, terms in zip(pairs.tolist(), most.tolist(), strict=True):
        each = np.full(terms + 1, steps[pair % steps.size])
        each[0] = starts[pair // steps.size]
        sums.append(np.add.accumulate(each))
    first = np.cumsum(most + 1) - most - 1
    return np.concatenate([*sums, np.zeros(0)])[first[which] + count]
