"""Every figure of a run counted again, neuron by neuron, in plain Python and NumPy.

Nothing of `chipletsim.cost`, `chipletsim.noc` or of the package's routes is used: routes
come from a Dijkstra of its own, copies of packets from walking them. Tiles are
neurocores, io tiles and memories; connections dense, convolutions and sparse.
"""

import heapq
import math
from collections import Counter, defaultdict
from functools import cache, cached_property
from itertools import pairwise, product
from math import prod

import numpy as np

from chipletsim.network.connections import Conv2d, Dense


class Routes:
    """Least-cost routes that keep to the die, in whole femtoseconds, one tree a source."""

    def __init__(self, package):
        self.package, self.links = package, package.links
        self.router_s = [router.spec.latency_s for router in package.routers]
        self.hop_s = [
            x.spec.flit_bits / x.spec.bandwidth_bit_per_s
            + x.spec.latency_s
            + self.router_s[x.target]
            for x in self.links
        ]
        self.used = set()

    @cache  # noqa: B019
    def tree(self, source):
        die = [router.chiplet for router in self.package.routers]
        cost = [max(1, round(hop * 1e15)) for hop in self.hop_s]
        may = [
            n
            for n, x in enumerate(self.links)
            if die[x.target] != die[source] or die[x.source] == die[source]
        ]
        far, queue = {source: 0}, [(0, source)]
        while queue:
            length, here = heapq.heappop(queue)
            for n in may:
                x = self.links[n]
                if x.source == here and length + cost[n] < far.get(x.target, 2**62):
                    far[x.target] = length + cost[n]
                    heapq.heappush(queue, (far[x.target], x.target))
        arrive = {}
        for router in set(far) - {source}:
            tight = [
                n
                for n in may
                if self.links[n].target == router
                and far[self.links[n].source] + cost[n] == far[router]
            ]
            best = min(tight, key=lambda n: (-self.links[n].axis, self.links[n].wraps, n))
            twins = [n for n in tight if self.links[n].source == self.links[best].source]
            arrive[router] = twins[source % len(twins)]
        return arrive

    def walk(self, source, target):
        self.used.add((source, target))
        path = []
        while target != source:
            path.append(self.tree(source)[target])
            target = self.links[path[-1]].source
        return path[::-1]

    def time_s(self, source, target):
        return self.router_s[source] + sum(self.hop_s[n] for n in self.walk(source, target))

    def copies(self, source, deliveries):
        """Return the copies of a packet that enter each router on its way."""
        below, entering = defaultdict(set), {}
        for target in deliveries:
            for n in self.walk(source, target):
                below[self.links[n].source].add(self.links[n].target)

        def enter(router):
            need = deliveries[router] + sum(enter(child) for child in below[router])
            can = self.package.routers[router].spec.multicast
            entering[router] = min(need, 1) if can else need
            return entering[router]

        enter(source)
        return entering

    @cached_property
    def margins_s(self):
        """Return the least time before each link, and after it, over all routes walked."""
        before, after = defaultdict(lambda: math.inf), defaultdict(lambda: math.inf)
        for source, target in self.used:
            path = self.walk(source, target)
            for place, n in enumerate(path):
                early = self.router_s[source] + sum(self.hop_s[m] for m in path[:place])
                before[n] = min(before[n], early)
                after[n] = min(after[n], sum(self.hop_s[m] for m in path[place + 1 :]))
        return before, after


def targets(connection, source, shape):
    """Yield (source neuron, target neuron) of every synapse."""
    if isinstance(connection, Dense):
        yield from product(range(prod(source)), range(prod(shape)))
    elif isinstance(connection, Conv2d):
        per_group, width = connection.weight.shape[0] // connection.groups, connection.weight.shape
        taps = product(
            *(range(n) for n in shape), range(width[1]), range(width[2]), range(width[3])
        )
        for c, y, x, i, ky, kx in taps:
            row = y * connection.stride[0] + ky - connection.padding[0][0]
            column = x * connection.stride[1] + kx - connection.padding[1][0]
            if 0 <= row < source[1] and 0 <= column < source[2]:
                plane = c // per_group * width[1] + i
                yield (
                    (plane * source[1] + row) * source[2] + column,
                    ((c * shape[1] + y) * shape[2] + x),
                )
    else:
        for neuron, (start, stop) in enumerate(pairwise(connection.indptr)):
            yield from ((neuron, int(t)) for t in connection.targets[start:stop])


class Recount:
    """Counts of each row of each sample, in tables named by what is counted."""

    def __init__(self, mapping, raster):
        self.mapping, self.network, self.package = mapping, mapping.network, mapping.package
        self.routes = Routes(self.package)
        self.samples, self.steps = next(iter(raster.values())).shape[:2]
        self.interval, self.stage = self.pipeline()
        self.rows = self.interval * (self.steps - 1) + 1 + max(self.stage)
        self.tables = defaultdict(lambda: np.zeros(self.samples * self.rows, np.int64))
        self.path_s = np.zeros(self.samples * self.rows)
        self.owner = mapping.neuron_slice()
        self.fan_out = self.synapses_by_slice()
        for number, population in enumerate(self.network.populations):
            events = self.in_rows(raster[population.name], number)
            for neuron in range(population.size):
                self.add_neuron(number, neuron, events[:, neuron])
        ones = np.ones((self.samples, self.steps, 1), np.int64)
        for part in mapping.slices:
            if self.network.populations[part.population].model != "input":
                ticks = self.in_rows(ones, part.population)[:, 0]
                self.tables["updates", part.tile] += part.size * ticks

    def pipeline(self):
        index = self.network.index
        count = len(index)
        for interval in range(1, 9):
            stage = [0] * count
            for _ in range(count + 1):
                late = [
                    (index[e.target], stage[index[e.source]] + 1 - interval * e.delay)
                    for e in self.network.projections
                ]
                late = [(target, least) for target, least in late if stage[target] < least]
                for target, least in late:
                    stage[target] = max(stage[target], least)
            if not late:
                return interval, stage
        raise AssertionError

    def in_rows(self, events, population):
        table = np.zeros((self.samples, self.rows, events.shape[2]), np.int64)
        for step in range(self.steps):
            table[:, self.interval * step + self.stage[population]] = events[:, step]
        return table.reshape(self.samples * self.rows, -1)

    def synapses_by_slice(self):
        """Return the synapses of each neuron by projection and slice."""
        found = defaultdict(Counter)
        for number, edge in enumerate(self.network.projections):
            ends = [self.network.index[name] for name in (edge.source, edge.target)]
            first, then = (self.network.offsets[end] for end in ends)
            shapes = (self.network.populations[end].shape for end in ends)
            for source, target in targets(edge.connection, *shapes):
                found[first + source][number, self.owner[then + target]] += 1
        return found

    def add_neuron(self, population, neuron, events):
        slices, spec = self.mapping.slices, self.network.populations[population]
        index = self.network.offsets[population] + neuron
        home, packet = slices[self.owner[index]].tile, self.package.spec.packet
        bits = packet.header_bits + packet.address_bits
        destinations = {0} if spec.output else set()  # tile 0 is the first io tile
        for (edge, part), count in self.fan_out[index].items():
            tile, memory = slices[part].tile, slices[part].weight_tile
            destinations.add(tile)
            self.tables["operations", tile] += count * events
            if memory != tile:
                core, listed = self.package.tiles[tile].parameters, self.network.projections[edge]
                sparse = not isinstance(listed.connection, Dense | Conv2d)
                extra = math.ceil(math.log2(core.neurons)) if sparse else 0
                self.fetch(tile, memory, count * (core.weight_bits + extra), events)
        for tile in destinations:
            self.tables["messages", tile] += events
        self.tables["sent", home] += events * bool(destinations)
        self.send(home, destinations - {home}, bits + spec.value_bits, events)

    def fetch(self, tile, memory, bits, events):
        packet = self.package.spec.packet
        self.tables["read", memory] += bits * events
        self.tables["requests", memory] += events
        self.send(tile, {memory}, packet.header_bits + packet.address_bits, events)
        for start in range(0, bits, packet.max_payload_bits):
            payload = min(packet.max_payload_bits, bits - start)
            self.send(memory, {tile}, packet.header_bits + payload, events)

    def send(self, home, destinations, bits, events):
        if not destinations:
            return
        router = self.package.tile_router
        source = int(router[home])
        deliveries = Counter(int(router[tile]) for tile in destinations)
        entering = self.routes.copies(source, deliveries)
        self.tables["injected", 0] += entering[source] * events
        self.tables["delivered", 0] += len(destinations) * events
        for place, copies in entering.items():
            self.tables["entering", place] += copies * events
            self.tables["entering_bits", place] += copies * bits * events
            if place != source:
                link = self.routes.tree(source)[place]
                flit = self.package.links[link].spec.flit_bits
                self.tables["packets", link] += copies * events
                self.tables["flit_bits", link] += copies * math.ceil(bits / flit) * flit * events
        slowest = max(self.routes.time_s(source, target) for target in deliveries)
        self.path_s = np.maximum(self.path_s, np.where(events > 0, slowest, 0))

    def wire(self, link):
        frame, bits = self.package.links[link].spec.frame, self.tables["flit_bits", link]
        return -(-bits // frame.payload_bits) * frame.total_bits if frame else bits

    def tile(self, number):
        """Return dynamic energy, and busy time of each row."""
        p, kind = self.package.tiles[number].parameters, self.package.tiles[number].kind
        names = ("operations", "updates", "sent", "messages", "read", "requests")
        rows = [self.tables[name, number] for name in names]
        operations, updates, sent, messages, read, requests = (int(row.sum()) for row in rows)
        if kind == "io":
            energy = sent * p.energy_j_per_input + messages * p.energy_j_per_output
            return energy, np.maximum(rows[2], rows[3]) / p.event_rate_per_s
        if kind == "memory":
            energy = read * p.energy_j_per_bit + requests * p.energy_j_per_request
            return energy, rows[4] / p.bandwidth_bit_per_s + (rows[5] > 0) * p.access_latency_s
        energy = operations * p.energy_j_per_synaptic_op + updates * p.energy_j_per_neuron_update
        energy += sent * p.energy_j_per_spike + messages * p.energy_j_per_message
        busy = rows[0] * p.time_s_per_synaptic_op / p.synaptic_lanes
        busy = busy + rows[1] * p.time_s_per_neuron_update + rows[2] * p.time_s_per_spike
        return energy, busy + rows[3] * p.time_s_per_message

    def latency_s(self):
        worst = self.path_s
        for number in range(len(self.package.tiles)):
            worst = np.maximum(worst, self.tile(number)[1])
        before, after = self.routes.margins_s
        for n, link in enumerate(self.package.links):
            bits, spec = self.wire(n), link.spec
            ends = spec.latency_s + self.routes.router_s[link.target]
            time_s = before[n] + bits / spec.bandwidth_bit_per_s + ends + after[n]
            worst = np.maximum(worst, np.where(bits > 0, time_s, 0))
        return (worst + self.package.spec.barrier_s).reshape(self.samples, self.rows)

    def total(self, name, place):
        return int(self.tables[name, place].sum())

    def energies_j(self, time_s):
        links, routers = self.package.links, self.package.routers
        found = {
            "tiles": [self.tile(n)[0] for n in range(len(self.package.tiles))],
            "links": [
                int(self.wire(n).sum()) * x.spec.energy_j_per_bit
                + self.total("packets", n) * x.spec.energy_j_per_packet
                for n, x in enumerate(links)
            ],
            "routers": [
                self.total("entering", n) * x.spec.energy_j_per_packet
                + self.total("entering_bits", n) * x.spec.energy_j_per_bit
                for n, x in enumerate(routers)
            ],
        }
        power = [tile.parameters.static_power_w for tile in self.package.tiles]
        power += [x.spec.static_power_w for x in (*links, *routers)]
        power += [chiplet.static_power_w for chiplet in self.package.chiplets]
        return found, (math.fsum(power) + self.package.spec.static_power_w) * time_s
