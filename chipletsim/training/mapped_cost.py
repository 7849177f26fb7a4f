"""What the events of a mapped network cost, as a differentiable function of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.cost.constants import Constants, constants_of
from chipletsim.cost.incidence import TrafficModel, traffic_model
from chipletsim.engine.compile import is_counted, is_graded
from chipletsim.errors import ConfigError
from chipletsim.mapping.model import Mapping
from chipletsim.network.spans import spans
from chipletsim.training.event_prices import (
    EventTable,
    class_prices,
    dense_tiles,
    event_table,
    link_rows,
)

Objective = Literal["die_to_die_bits", "energy", "worst_link"]


class Terms(NamedTuple):
    """What an inference costs, mean over samples.

    Attributes:
        energy_j: Energy of events and of neuron updates; static power is left out.
        die_to_die_bits: Bits over links between dies, in whole flits, frames left out.
        link_bits: [die-to-die links], bits over each of them.
    """

    energy_j: Any
    die_to_die_bits: Any
    link_bits: Any


class PopulationPrices(NamedTuple):
    """What the events of one population cost.

    Attributes:
        energy_j: [neurons], energy of one event: synaptic operations on its target tiles,
            messages, routers, links, weight fetches.
        die_to_die_bits: [neurons], bits of one event over all links between dies.
        local_class: int32 [neurons], traffic class among those of the population.
        link_bits: [classes of the population, die-to-die links], bits of one event.
        drives: [classes of the population, crossbar blocks], word lines of one event.
        most_reads: [crossbar blocks], read-outs of a step were all inputs active.
        read_energy_j: [crossbar blocks], energy of one read-out.
        operations: [classes of the population, dense tiles], products of one event.
    """

    energy_j: Any
    die_to_die_bits: Any
    local_class: Any
    link_bits: Any
    drives: Any
    most_reads: Any
    read_energy_j: Any
    operations: Any


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "populations",
        "tick_energy_j",
        "tick_link_bits",
        "tick_operations",
        "operation_energy_j",
        "energy_j",
        "link_bits",
    ],
    meta_fields=["links", "graded", "works"],
)
@dataclass(frozen=True, eq=False)
class MappedCost:
    """Prices of the events of a mapped network; a pytree.

    Attributes:
        populations: Population name to the prices of its events.
        tick_energy_j: [populations], energy of a step in which a population works and nothing
            spikes: neuron updates and dense schedules, with their weights.
        tick_link_bits: [populations, die-to-die links], bits of such a step.
        tick_operations: [populations, dense tiles], products of such a step.
        operation_energy_j: [dense tiles], energy of an active product beyond that of another one.
        energy_j: Energy of messages that are the same in every inference.
        link_bits: [die-to-die links], their bits.
        links: Names of the die-to-die links.
        graded: Names of the populations whose events are values.
        works: For each population, in how many steps it works; None for all.
    """

    populations: dict[str, PopulationPrices]
    tick_energy_j: Any
    tick_link_bits: Any
    tick_operations: Any
    operation_energy_j: Any
    energy_j: Any
    link_bits: Any
    links: tuple[str, ...]
    graded: tuple[str, ...]
    works: tuple[int | None, ...]

    def terms(self, events: dict[str, jax.Array]) -> Terms:
        """Return what an inference costs, differentiable in the events.

        Spikes count as themselves. A value of a graded population is an event unless it is 0,
        as `chipletsim.cost.price` counts it; see ``sent`` for its gradient. Energies equal
        those of ``price`` without static power and with full frames: where links have frames,
        they are a lower bound. An array of a crossbar is read at most once for each output
        position and step; from there on further events cost no conversion and have no
        gradient by it. So do events that are pooled in front of a dense schedule, once all of
        its products are active.

        Args:
            events: Population name to [steps, samples, *shape], as `forward` gives them.
        """
        first = next(iter(self.populations))
        steps, samples = events[first].shape[:2]
        ticks = np.array([steps if count is None else count for count in self.works])
        energy_j = ticks @ jnp.asarray(self.tick_energy_j) + self.energy_j
        link_bits = ticks @ jnp.asarray(self.tick_link_bits) + jnp.asarray(self.link_bits)
        bits = jnp.sum(link_bits)
        operations = jnp.zeros(self.operation_energy_j.shape)
        for name, prices in self.populations.items():
            given = sent(events[name]) if name in self.graded else events[name]
            flat = given.reshape(steps, samples, -1)
            per_neuron = flat.sum(axis=(0, 1)) / samples
            energy_j = energy_j + per_neuron @ jnp.asarray(prices.energy_j)
            bits = bits + per_neuron @ jnp.asarray(prices.die_to_die_bits)
            events_of = _by_class(per_neuron, prices)
            link_bits = link_bits + events_of @ jnp.asarray(prices.link_bits)
            operations = operations + events_of @ jnp.asarray(prices.operations)
            if prices.most_reads.shape[0]:
                energy_j = energy_j + _reads_j(flat, prices) / samples
        beyond = jnp.maximum(operations - ticks @ jnp.asarray(self.tick_operations), 0.0)
        energy_j = energy_j - beyond @ jnp.asarray(self.operation_energy_j)
        return Terms(energy_j, bits, link_bits)

    def objective(self, terms: Terms, name: Objective, temperature_bits: float) -> jax.Array:
        """Return the number to make small.

        ``worst_link`` is ``t logsumexp(bits / t)`` over the die-to-die links, a smooth maximum
        that lies above the true one by at most ``t ln(links)``.

        Args:
            terms: What `terms` returned.
            name: ``die_to_die_bits``, ``energy`` in joules, or ``worst_link`` in bits.
            temperature_bits: ``t`` above; used by ``worst_link`` alone.
        """
        if name == "energy":
            return terms.energy_j
        if name == "die_to_die_bits" or not self.links:
            return terms.die_to_die_bits
        scaled = terms.link_bits / temperature_bits
        return temperature_bits * jax.scipy.special.logsumexp(scaled)

    def crossing(self) -> tuple[str, ...]:
        """Return the populations whose events cross a die boundary."""
        return tuple(
            name for name, each in self.populations.items() if np.any(each.die_to_die_bits > 0)
        )


def mapped_cost(mapping: Mapping) -> MappedCost:
    """Return the prices of the events of a mapped network, as float64 arrays on the host.

    Raises:
        ConfigError: A link encodes spikes in a way whose bits have no gradient.
        InfeasibleError: Answers leave the network but the package has no io tile.
    """
    model = traffic_model(mapping)
    _refuse_messages(model)
    with jax.enable_x64(True):
        return jax.device_get(cost_at(model, constants_of(mapping.package, mapping.barrier_s)))


def cost_at(model: TrafficModel, constants: Constants) -> MappedCost:
    """Return the prices of events for other constants, differentiable in them.

    To be called under ``jax.enable_x64``.

    Args:
        model: Classes and incidence of a mapping.
        constants: Numbers of the package.
    """
    table = event_table(model)
    prices = class_prices(model, table, constants)
    network, classes = model.mapping.network, model.classes
    links = model.mapping.package.links
    crossing = np.array([number for number, link in enumerate(links) if link.between_dies], int)
    bits = table.amounts[link_rows(model.incidence)][crossing].T.tocsr()
    dense = dense_tiles(table, model.incidence)
    active, scheduled = (table.amounts[rows].T.tocsr() for rows in dense)
    spiking = classes.spike_classes
    of_class = classes.population[:spiking]
    populations = {}
    for number, population in enumerate(network.populations):
        first, last = (int(place) for place in np.searchsorted(of_class, [number, number + 1]))
        neurons = slice(*network.offsets[[number, number + 1]])
        local = classes.neuron_class[neurons] - first
        of_links = bits[first:last].toarray()
        drives, limits, read_j = _crossbars(model, table, prices.read_energy_j, (first, last))
        populations[population.name] = PopulationPrices(
            energy_j=prices.energy_j[first:last][local],
            die_to_die_bits=of_links.sum(axis=1)[local],
            local_class=local.astype(np.int32),
            link_bits=of_links,
            drives=drives,
            most_reads=limits,
            read_energy_j=read_j,
            operations=active[first:last].toarray(),
        )
    clocks = slice(spiking, spiking + len(network.populations))
    given = _message_bits(model)
    return MappedCost(
        populations,
        tick_energy_j=prices.energy_j[clocks],
        tick_link_bits=bits[clocks].toarray(),
        tick_operations=scheduled[clocks].toarray(),
        operation_energy_j=prices.operation_energy_j,
        energy_j=prices.energy_j[clocks.stop :] @ given,
        link_bits=np.asarray(given @ bits[clocks.stop :].toarray()),
        works=tuple(each.works and each.works.length for each in spans(network)),
        links=tuple(links[number].name for number in crossing),
        graded=tuple(p.name for p in network.populations if is_graded(p) and not is_counted(p)),
    )


def _refuse_messages(model: TrafficModel) -> None:
    """Raise ConfigError where costs depend on more than how many neurons spike."""
    if model.classes.update_classes:
        raise ConfigError(
            "pipeline cores charge for updates that the neurons themselves tell, which training "
            "cannot follow; train on neurons whose updates are one in each step"
        )
    kinds = {message.codec.kind for message in model.classes.messages if message.codec}
    if kinds:
        raise ConfigError(
            f"links encode spikes as {', '.join(sorted(kinds))}, whose bits training cannot follow;"
            " train with address_events, address_packets or bitmap"
        )


def _message_bits(model: TrafficModel) -> np.ndarray:
    """Return float64 [messages]: bits of each message in an inference."""
    sends = [each.sends for each in spans(model.mapping.network)]
    lengths = [span.length if span else 0 for span in sends]
    return np.array(
        [each.step_bits * lengths[each.population] for each in model.classes.messages], float
    )


def _crossbars(
    model: TrafficModel, table: EventTable, read_energy_j: jax.Array, span: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, jax.Array]:
    """Return drives, most reads and energies of the crossbar blocks that some classes drive."""
    drives = table.drives[:, slice(*span)]
    driven = np.flatnonzero(np.diff(drives.indptr))
    limits = np.asarray(model.incidence.crossbars.reads, np.float64)[driven]
    return drives[driven].T.toarray(), limits, read_energy_j[driven]


def _by_class(per_neuron: jax.Array, prices: PopulationPrices) -> jax.Array:
    """Return [..., classes]: events of each traffic class of a population."""
    classes = prices.link_bits.shape[0]
    moved = jnp.moveaxis(per_neuron, -1, 0)
    sums = jax.ops.segment_sum(moved, jnp.asarray(prices.local_class), num_segments=classes)
    return jnp.moveaxis(sums, 0, -1)


def _reads_j(flat: jax.Array, prices: PopulationPrices) -> jax.Array:
    """Return the energy of the read-outs of crossbar blocks, over all steps and samples."""
    driven = _by_class(flat, prices) @ jnp.asarray(prices.drives)
    reads = jnp.minimum(driven, jnp.asarray(prices.most_reads))
    return reads.sum(axis=(0, 1)) @ jnp.asarray(prices.read_energy_j)


@jax.custom_jvp
def sent(values: jax.Array) -> jax.Array:
    """Return 1 where a graded value is sent, which is where it is not 0.

    The step has no useful derivative. In its place stands that of ``|x| / (1 + |x|)``,
    ``sign(x) / (1 + |x|)^2``: values are drawn towards 0, small ones most.

    Args:
        values: Graded events.
    """
    return (values != 0).astype(values.dtype)


@sent.defjvp
def _sent_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (values,), (dots,) = primals, tangents
    return sent(values), jnp.sign(values) / (1 + jnp.abs(values)) ** 2 * dots
