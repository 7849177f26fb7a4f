"""Which messages of a mapping ask memory tiles for weights, and what these send unasked."""

from __future__ import annotations

import numpy as np

from chipletsim.cost.classes import TrafficClasses, traffic_classes
from chipletsim.cost.memory_traffic import Fetches, weight_fetches
from chipletsim.mapping.model import Mapping
from chipletsim.noc.fetches import Fetched
from chipletsim.noc.message_plan import MessagePlan, message_plan
from chipletsim.noc.packet_plan import PacketPlans


def packet_plans(mapping: Mapping) -> PacketPlans:
    """Return the packets of a mapping, to be found on packages of the ways of its own."""
    plan = message_plan(mapping)
    return PacketPlans(plan, fetched_weights(mapping, plan))


def fetched_weights(mapping: Mapping, plan: MessagePlan) -> Fetched:
    """Return the weights that each message of a plan asks for: those that its event is priced with.

    Args:
        mapping: Where the network lives.
        plan: Its messages.
    """
    if all(part.weight_tile == part.tile for part in mapping.slices):
        nothing = np.zeros(0, np.int64)
        none = nothing.reshape(0, 5)
        return Fetched(nothing, nothing, nothing, nothing, plan.synapses, none)
    classes = traffic_classes(mapping)
    fetches = weight_fetches(mapping, classes)
    axon, fetch = _askers(fetches, classes, plan)
    order = np.argsort(axon, kind="stable")
    axon, fetch = axon[order], fetch[order]
    return Fetched(
        axon,
        fetches.memory[fetch],
        fetches.bits[fetch],
        fetches.weights[fetch],
        _local_synapses(plan, axon, fetches.weights[fetch]),
        _streams(fetches, classes, plan),
    )


def _askers(
    fetches: Fetches, classes: TrafficClasses, plan: MessagePlan
) -> tuple[np.ndarray, np.ndarray]:
    """Return axon and fetch of all that messages ask for."""
    asked = np.flatnonzero(fetches.requested)
    asked = asked[np.argsort(fetches.traffic_class[asked], kind="stable")]
    own = classes.neuron_class[plan.neuron]
    known = fetches.traffic_class[asked]
    first = np.searchsorted(known, own)
    counts = np.searchsorted(known, own, side="right") - first
    neuron = np.repeat(np.arange(own.size), counts)
    rank = np.arange(neuron.size) - np.repeat(np.cumsum(counts) - counts, counts)
    fetch = asked[np.repeat(first, counts) + rank]
    cores = plan.tile.size
    core = np.argsort(plan.tile)[fetches.tile[fetch]]
    owner = np.repeat(np.arange(own.size), np.diff(plan.axon_start))
    return np.searchsorted(owner * cores + plan.axon_core, neuron * cores + core), fetch


def _local_synapses(plan: MessagePlan, axon: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the synapses of a plan without those whose weights are fetched.

    Tiles that fetch have one synapse unit.
    """
    axons = plan.axon_core.size
    asks = np.bincount(axon, minlength=axons) > 0
    left = np.zeros(axons, np.int64)
    np.add.at(left, plan.synapses[:, 0], plan.synapses[:, 2])
    np.subtract.at(left, axon, weights)
    asking = np.flatnonzero(asks)
    own = np.stack([asking, np.zeros_like(asking), left[asking]], axis=1)
    others = plan.synapses[~asks[plan.synapses[:, 0]]]
    found = np.concatenate([others, own])
    return found[np.argsort(found[:, 0], kind="stable")]


def _streams(fetches: Fetches, classes: TrafficClasses, plan: MessagePlan) -> np.ndarray:
    """Return what is sent unasked in the steps of populations, see `Fetched.streams`."""
    sent = np.flatnonzero(~fetches.requested)
    population = classes.population[classes.neuron_class[plan.neuron]]
    known, member = np.unique(population, return_index=True)
    neuron = member[np.searchsorted(known, classes.population[fetches.traffic_class[sent]])]
    columns = fetches.memory, fetches.tile, fetches.bits, fetches.cycles
    return np.stack([neuron, *(each[sent] for each in columns)], axis=1).astype(np.int64)
