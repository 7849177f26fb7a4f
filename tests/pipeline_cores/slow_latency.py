"""Latencies of a step as SANA-FE defines them, message by message, in plain Python.

Written from the description of its semantics, for one mesh of routers with cores. Nothing here
is shared with the package but the parameters of tiles.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping


@dataclass
class Message:
    core: int
    generation_s: float
    target: int | None = None  # None for what is left after the last message
    processing_s: float = 0.0


@dataclass
class Core:
    x: int
    y: int
    tile: object
    neurons: list[tuple[int, int, int]] = field(default_factory=list)  # population, neuron, unit


def cores_of(mapping: Mapping) -> list[Core]:
    """Return the cores column by column, with their neurons in the order of the slices."""
    package = mapping.package
    order = sorted(
        range(len(package.tiles)),
        key=lambda number: (*package.routers[package.tiles[number].router].at, number),
    )
    cores = {}
    for number in order:
        tile = package.tiles[number]
        cores[number] = Core(*package.routers[tile.router].at, tile.parameters)
    for part in mapping.slices:
        shape = mapping.network.populations[part.population].shape
        numbers = np.arange(np.prod(shape)).reshape(shape)
        inside = numbers[tuple(slice(*bounds) for bounds in part.box)]
        core = cores[part.tile]
        unit = list(core.tile.soma).index(part.unit) if part.unit else 0
        core.neurons += [(part.population, int(neuron), unit) for neuron in inside.ravel()]
    return list(cores.values())


def synapses_of(mapping: Mapping) -> dict[tuple[int, int], list[tuple[int, str]]]:
    """Return (population, neuron) to the core and unit of each of its synapses, in order."""
    network = mapping.network
    cores = cores_of(mapping)
    home = {
        (population, neuron): number
        for number, core in enumerate(cores)
        for population, neuron, _ in core.neurons
    }
    found: dict[tuple[int, int], list[tuple[int, int, str]]] = {}
    for projection in network.projections:
        source, target = network.index[projection.source], network.index[projection.target]
        connection = projection.connection
        for neuron in range(network.populations[source].size):
            for synapse in range(connection.indptr[neuron], connection.indptr[neuron + 1]):
                core = home[target, int(connection.targets[synapse])]
                unit = mapping.synapse_units.get(projection.name, "")
                ranks = mapping.synapse_ranks.get(projection.name)
                rank = 0 if ranks is None else int(ranks[synapse])
                found.setdefault((source, neuron), []).append((rank, core, unit))
    in_order = {key: sorted(each, key=lambda synapse: synapse[0]) for key, each in found.items()}
    return {key: [(core, unit) for _, core, unit in each] for key, each in in_order.items()}


def messages_of(
    cores: list[Core],
    synapses: dict[tuple[int, int], list[tuple[int, str]]],
    fired: list[np.ndarray],
    updated: list[np.ndarray],
) -> list[list[Message]]:
    """Return the messages of each core in one step.

    Args:
        cores: All cores.
        synapses: Those of each neuron.
        fired: For each population, who fired.
        updated: For each population, who did work.
    """
    lists = []
    for number, core in enumerate(cores):
        messages, generation = [], 0.0
        for population, neuron, unit in core.neurons:
            soma = list(core.tile.soma.values())[unit]
            seconds = soma.time_s_per_access
            if updated[population][neuron] or fired[population][neuron]:
                seconds += soma.time_s_per_update
            if fired[population][neuron]:
                seconds += soma.time_s_per_spike
            dendrite = core.tile.dendrite
            in_front = dendrite.per == "neuron" or dendrite.update_every_step
            generation += (dendrite.time_s_per_update if in_front else 0.0) + seconds
            if not fired[population][neuron]:
                continue
            own = synapses.get((population, neuron), [])
            for target in sorted({core for core, _ in own}):
                tile = cores[target].tile
                processing = tile.axon_in.time_s_per_message
                for home, unit_name in own:
                    if home == target:
                        processing += synapse_s(tile, unit_name)
                seconds = generation + core.tile.axon_out.time_s_per_message
                messages.append(Message(number, seconds, target, processing))
                generation = 0.0
        if generation > 0.0:
            messages.append(Message(number, generation))
        lists.append(messages)
    return lists


def synapse_s(tile, unit: str) -> float:
    seconds = (tile.synapse[unit] if unit else next(iter(tile.synapse.values()))).time_s_per_event
    if tile.dendrite.per == "synaptic_event":
        seconds += tile.dendrite.time_s_per_update
    return seconds


def simple(lists: list[list[Message]]) -> float:
    making = [sum((m.generation_s for m in messages), 0.0) for messages in lists]
    taking = [0.0] * len(lists)
    for messages in lists:
        for message in messages:
            if message.target is not None:
                taking[message.target] += message.processing_s
    return max([*making, *taking, 0.0])


class Heap:
    """A binary heap that orders equal keys as libstdc++'s ``push_heap`` and ``pop_heap`` do."""

    def __init__(self) -> None:
        self.items: list[tuple[float, object]] = []

    def push(self, key: float, item: object) -> None:
        self.items.append((key, item))
        self._rise(len(self.items) - 1)

    def _rise(self, place: int) -> None:
        value = self.items[place]
        while place and self.items[(place - 1) // 2][0] > value[0]:
            self.items[place] = self.items[(place - 1) // 2]
            place = (place - 1) // 2
        self.items[place] = value

    def pop(self) -> tuple[float, object]:
        first, last = self.items[0], self.items.pop()
        if not self.items:
            return first
        place, size = 0, len(self.items)
        while 2 * place + 1 < size:
            child = 2 * place + 2  # the right one, unless the left one is strictly smaller
            if child == size or self.items[child][0] > self.items[child - 1][0]:
                child -= 1
            self.items[place] = self.items[child]
            place = child
        self.items[place] = last
        self._rise(place)
        return first


def route_entries(source: Core, target: Core, injection: object) -> list[object]:
    """Return the density entries that a route from x to y touches."""
    found, last = [], injection
    x, y = source.x, source.y
    while x != target.x:
        step = 1 if target.x > x else -1
        direction = "east" if step > 0 else "west"
        found.append(injection if x == source.x else (x, y, direction))
        last = direction
        x += step
    while y != target.y:
        step = 1 if target.y > y else -1
        at_source = (x, y) == (source.x, source.y)
        found.append(injection if at_source else (x, y, last))
        last = "north" if step > 0 else "south"
        y += step
    at_source = (x, y) == (source.x, source.y)
    found.append(injection if at_source else (x, y, last))
    return found


def detailed(cores: list[Core], lists: list[list[Message]], buffer: int) -> float:
    density: dict[object, float] = {}
    finished = [0.0] * len(cores)
    waiting: list[list[tuple[float, Message, list[object], int]]] = [[] for _ in cores]
    mean, count, last = 0.0, 0, 0.0
    queue = Heap()
    for core, messages in enumerate(lists):
        if messages:
            queue.push(messages[0].generation_s, (core, 0))
    while queue.items:
        sent, (number, place) = queue.pop()
        message = lists[number][place]
        last = max(last, sent)
        for own in waiting:
            while own and own[0][0] <= sent:
                _, old, entries, hops = own.pop(0)
                for entry in entries:
                    density[entry] -= 1.0 / (hops + 2.0)
                mean += (mean - old.processing_s) / (count - 1) if count > 1 else 0.0
                count -= 1
        if message.target is not None:
            source, target = cores[number], cores[message.target]
            dx, dy = abs(target.x - source.x), abs(target.y - source.y)
            hops = dx + dy
            entries = route_entries(source, target, ("injection", number))
            along = 0.0
            for entry in entries:
                along += density.get(entry, 0.0)
            if along > (hops + 1) * buffer:
                sent += (along - (hops + 1) * buffer) * mean
            hop = source.tile.hop
            least_s = dx * (hop.east if target.x > source.x else hop.west).time_s
            least_s += dy * (hop.north if target.y > source.y else hop.south).time_s
            network_s = max(least_s, along * mean / (hops + 1))
            received = max(finished[message.target], sent + network_s)
            end = sent + network_s + message.processing_s
            finished[message.target] = max(finished[message.target] + message.processing_s, end)
            for entry in entries:
                density[entry] = density.get(entry, 0.0) + 1.0 / (hops + 2.0)
            mean += (message.processing_s - mean) / (count + 1)
            count += 1
            waiting[message.target].append((received, message, entries, hops))
            last = max(last, finished[message.target])
        if place + 1 < len(lists[number]):
            following = sent + lists[number][place + 1].generation_s
            queue.push(following, (number, place + 1))
            last = max(last, following)
    return last


def latencies(
    activity: Activity, mapping: Mapping, timing: str, buffer: int = 0, *, sample: int = 0
) -> np.ndarray:
    """Return the latency of each step of a sample, the barrier included."""
    names = list(activity.populations)
    fired = [activity.spikes(name)[sample] for name in names]
    updated = []
    for name, spikes in zip(names, fired, strict=True):
        is_input = mapping.network.population(name).model == "input"
        raster = activity.updates.get(name)
        if raster is None:
            updated.append(spikes if is_input else np.ones_like(spikes))
        else:
            bits = np.unpackbits(raster[sample], axis=-1, count=spikes.shape[1], bitorder="little")
            updated.append(bits.view(bool))
    cores, synapses = cores_of(mapping), synapses_of(mapping)
    found = []
    for step in range(activity.steps):
        now = [[events[step] for events in each] for each in (fired, updated)]
        lists = messages_of(cores, synapses, *now)
        seconds = simple(lists) if timing == "simple" else detailed(cores, lists, buffer)
        found.append(seconds + mapping.barrier_s)
    return np.array(found)
