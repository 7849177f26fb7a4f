"""The oracle of traffic: every event, packet and hop walked one by one, in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import product
from math import prod

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Projection
from chipletsim.network.pipeline import stages
from chipletsim.tiles import Crossbar, Npu

Synapse = tuple[int, tuple[int, ...]]  # target neuron in its population, output position


def windows(length: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int = 1):
    """Yield (output, input) pairs of a window along one axis."""
    outputs = (length + sum(pad) - dilation * (kernel - 1) - 1) // stride + 1
    for out, tap in product(range(outputs), range(kernel)):
        inside = out * stride + tap * dilation - pad[0]
        if 0 <= inside < length:
            yield out, inside


def synapses_of(connection, source_shape, target_shape) -> dict[int, list[Synapse]]:
    """Return the synapses of each source neuron."""
    found = defaultdict(list)
    n_targets = prod(target_shape)
    if isinstance(connection, Dense):
        for source, target in product(range(prod(source_shape)), range(n_targets)):
            found[source].append((target, ()))
    elif isinstance(connection, OneToOne):
        for neuron in range(n_targets):
            found[neuron].append((neuron, ()))
    elif isinstance(connection, Sparse):
        for source in range(prod(source_shape)):
            for entry in range(connection.indptr[source], connection.indptr[source + 1]):
                found[source].append((int(connection.targets[entry]), ()))
    else:
        conv = isinstance(connection, Conv2d)
        kernel = connection.weight.shape[2:] if conv else connection.kernel
        groups = connection.groups if conv else source_shape[0]
        dilation = connection.dilation if conv else (1, 1)
        pads = connection.padding if conv else [(p, p) for p in connection.padding]
        y, x = (
            list(
                windows(source_shape[1 + i], kernel[i], connection.stride[i], pads[i], dilation[i])
            )
            for i in range(2)
        )
        for c_out, c_in in product(range(target_shape[0]), range(source_shape[0])):
            if c_out * groups // target_shape[0] != c_in * groups // source_shape[0]:
                continue
            for (oy, iy), (ox, ix) in product(y, x):
                source = int(np.ravel_multi_index((c_in, iy, ix), source_shape))
                target = int(np.ravel_multi_index((c_out, oy, ox), target_shape))
                found[source].append((target, (oy, ox)))
    return found


def fan_out_of(network: Network, projection: Projection) -> dict[int, list[list[Synapse]]]:
    """Return, for each source neuron, its synapses by input of the connection it drives."""
    source = network.population(projection.source).shape
    target = network.population(projection.target).shape
    if projection.pool is None:
        direct = synapses_of(projection.connection, source, target)
        return {neuron: [found] for neuron, found in direct.items()}
    pool = projection.pool
    middle = pool.target_shape(source)
    behind = synapses_of(projection.connection, middle, target)
    front = synapses_of(pool, source, middle)
    return {n: [behind[pooled] for pooled, _ in outputs] for n, outputs in front.items()}


class Walk:
    """Counts by (what, where, sample, row), filled by walking."""

    def __init__(self, mapping: Mapping, activity: Activity, works: dict | None = None) -> None:
        """Walk; ``works`` names (first, stop) of populations that do not work in every step."""
        self.mapping = mapping
        self.works = [(works or {}).get(each.name) for each in mapping.network.populations]
        self.network = mapping.network
        self.package = mapping.package
        models = {item.name: item.model for item in self.network.populations}
        self.decoders = {name for name, model in models.items() if model.startswith("decode")}
        self.pipeline = stages(self.network)
        self.counts: Counter = Counter()
        self.link_bits: Counter = Counter()
        self.sizes: Counter = Counter()  # packets on links, by link and bits
        self.routes: dict[tuple[int, int], set[tuple[int, int]]] = defaultdict(set)
        self.tables = [fan_out_of(self.network, p) for p in self.network.projections]
        self.owner = mapping.neuron_slice()
        self.drives: Counter = Counter()
        for sample, step in product(range(activity.samples), range(activity.steps)):
            self.events(activity, sample, step)
            self.clocks(sample, step)
        self.read_crossbars()

    def slice_of(self, population: str, neuron: int) -> int:
        return int(self.owner[self.network.offsets[self.network.index[population]] + neuron])

    def converted(self, place) -> bool:
        """Whether a slice is an encoder or decoder on a tile that states what those cost."""
        model = self.network.populations[place.population].model
        dumped = self.package.tiles[place.tile].parameters.model_dump(exclude_unset=True)
        return model.startswith(("encode", "decode")) and "energy_j_per_encoder_update" in dumped

    def row(self, population: str, sample: int, step: int) -> tuple[int, int]:
        stage = self.pipeline.stage[self.network.index[population]]
        return sample, int(self.pipeline.initiation_interval * step + stage)

    def add(self, what: str, where: int, when: tuple[int, int], amount: int = 1) -> None:
        if amount:
            self.counts[what, where, *when] += amount

    def events(self, activity: Activity, sample: int, step: int) -> None:
        for item in self.network.populations:
            when = self.row(item.name, sample, step)
            for neuron in np.flatnonzero(activity.spikes(item.name)[sample, step]):
                self.event(item, int(neuron), when)

    def event(self, item, neuron: int, when: tuple[int, int]) -> None:
        tile = self.mapping.slices[self.slice_of(item.name, neuron)].tile
        packet = self.package.spec.packet
        bits = packet.header_bits + packet.address_bits + item.value_bits
        destinations = set()
        self.add("spikes", 0, when)
        for number, projection in enumerate(self.network.projections):
            if projection.source == item.name:
                inputs = self.tables[number].get(neuron, [])
                destinations |= self.synapses(number, projection, inputs, when)
        if item.output:
            destinations.add([t.kind for t in self.package.tiles].index("io"))
        if destinations:
            self.add("output_spikes", tile, when)
        for destination in destinations:
            self.add("input_messages", destination, when)
        self.send(tile, destinations - {tile}, bits, when)

    def synapses(self, number: int, projection: Projection, inputs, when) -> set[int]:
        """Do the synaptic work of an event in one projection; return the tiles."""
        by_slice: Counter = Counter()
        driven: Counter = Counter()
        for synapses in inputs:
            reached = defaultdict(set)
            for target, position in synapses:
                part = self.slice_of(projection.target, target)
                by_slice[part] += 1
                reached[part].add(position)
            for part, positions in reached.items():
                driven[part] += len(positions)
        for part, amount in by_slice.items():
            place = self.mapping.slices[part]
            parameters = self.package.tiles[place.tile].parameters
            if self.converted(place):
                decodes = projection.target in self.decoders
                name = "decoder_additions" if decodes else "encoder_loads"
                self.add(name, place.tile, when, amount)
                continue
            self.add("synaptic_operations", place.tile, when, amount)
            if isinstance(parameters, Crossbar):
                self.drives[number, part, *when] += driven[part]
            if place.weight_tile != place.tile and not isinstance(parameters, Npu):
                listed = isinstance(projection.connection, Sparse)
                index = (parameters.neurons - 1).bit_length() if listed else 0
                self.fetch(place, amount * (parameters.weight_bits + index), when, asks=True)
        return {self.mapping.slices[part].tile for part in by_slice}

    def fetch(self, place, bits: int, when, asks: bool) -> None:
        packet = self.package.spec.packet
        self.add("memory_read_bits", place.weight_tile, when, bits)
        self.add("memory_requests", place.weight_tile, when)
        if asks:
            size = packet.header_bits + packet.address_bits
            self.send(place.tile, {place.weight_tile}, size, when)
        while bits > 0:
            payload = min(bits, packet.max_payload_bits)
            self.send(place.weight_tile, {place.tile}, packet.header_bits + payload, when)
            bits -= payload

    def send(self, tile: int, destinations: set[int], bits: int, when) -> None:
        """Walk a packet from a tile to others down the tree of its router."""
        source = self.package.tiles[tile].router
        wanted = [self.package.tiles[destination].router for destination in destinations]
        if not wanted:
            return
        for target in wanted:
            self.routes[when].add((source, target))
        copies = self.enter(source, source, wanted, bits, when)
        self.add("injected", source, when, copies)
        for destination in destinations:
            self.add("delivered", destination, when)

    def enter(self, source: int, here: int, wanted: list[int], bits: int, when) -> int:
        """Return the copies that enter a router; count what goes on below."""
        below = defaultdict(list)
        need = 0
        for target in wanted:
            route = self.package.route(source, target)
            routers = [source, *(self.package.links[link].target for link in route)]
            at = routers.index(here)
            if target == here:
                need += 1
            else:
                below[route[at]].append(target)
        for link, targets in below.items():
            spec = self.package.links[link]
            copies = self.enter(source, spec.target, targets, bits, when)
            flits = -(-bits // spec.spec.flit_bits)
            self.add("link_packets", link, when, copies)
            self.sizes[link, bits] += copies
            self.add("link_bits", link, when, copies * flits * spec.spec.flit_bits)
            need += copies
        entering = 1 if self.package.routers[here].spec.multicast else need
        self.add("router_packets", here, when, entering)
        self.add("router_bits", here, when, entering * bits)
        return entering

    def clocks(self, sample: int, step: int) -> None:
        for part, place in enumerate(self.mapping.slices):
            item = self.network.populations[place.population]
            works = self.works[place.population]
            if works is not None and step not in range(*works):
                continue
            when = self.row(item.name, sample, step)
            parameters = self.package.tiles[place.tile].parameters
            if self.converted(place):
                if item.model.startswith("encode"):
                    self.add("encoder_updates", place.tile, when, place.size)
                continue
            if item.model != "input":
                self.add("neuron_updates", place.tile, when, place.size)
            if isinstance(parameters, Npu):
                for number, projection in enumerate(self.network.projections):
                    if projection.target == item.name:
                        self.dense(number, projection, part, when)

    def dense(self, number: int, projection: Projection, part: int, when) -> None:
        place = self.mapping.slices[part]
        parameters = self.package.tiles[place.tile].parameters
        rows, columns, positions, groups = self.matrix(projection, part)
        connection = projection.connection
        front = {} if projection.pool is None else {"pool": None}
        plain = Projection("", projection.source, projection.target, connection, **front)
        shape = self.network.population(projection.source).shape
        if projection.pool is not None:
            shape = projection.pool.target_shape(shape)
        target = self.network.population(projection.target).shape
        operations = sum(
            self.slice_of(plain.target, neuron) == part
            for found in synapses_of(connection, shape, target).values()
            for neuron, _ in found
        )
        if isinstance(connection, Conv2d):
            channels = place.box[0][1] - place.box[0][0]
            stored = channels * prod(connection.weight.shape[1:])
        else:
            stored = 1 if isinstance(connection, Pool2d) else operations
        r, c = parameters.array_rows, parameters.array_columns
        folds = -(-rows // r) * -(-columns // c) * groups
        self.add("dense_operations", place.tile, when, operations)
        self.add("weight_reads", place.tile, when, stored)
        self.add("dense_cycles", place.tile, when, (2 * r + c + positions - 2) * folds)
        if place.weight_tile != place.tile:
            listed = isinstance(connection, Sparse)
            index = (parameters.neurons - 1).bit_length() if listed else 0
            self.fetch(place, stored * (parameters.weight_bits + index), when, asks=False)

    def matrix(self, projection: Projection, part: int) -> tuple[int, int, int, int]:
        """Rows, columns, positions and groups of a block's weight matrices."""
        place, connection = self.mapping.slices[part], projection.connection
        if isinstance(connection, Conv2d | Pool2d):
            conv = isinstance(connection, Conv2d)
            channels = self.network.population(projection.target).shape[0]
            per_group = channels // connection.groups if conv else 1
            rows = prod(connection.weight.shape[1:]) if conv else prod(connection.kernel)
            own = range(*place.box[0])
            groups = len({channel // per_group for channel in own})
            positions = prod(stop - start for start, stop in place.box[1:])
            return rows, min(len(own), per_group), positions, groups
        number = self.network.projections.index(projection)
        sources = prod(self.network.population(projection.source).shape)
        if projection.pool is not None:
            sources = prod(
                projection.pool.target_shape(self.network.population(projection.source).shape)
            )
        if isinstance(connection, Sparse):
            table = self.tables[number]
            inside = [
                any(self.slice_of(projection.target, t) == part for s in found for t, _ in s)
                for found in table.values()
            ]
            sources = sum(inside)
        if isinstance(connection, OneToOne):
            sources = place.size
        return sources, place.size, 1, 1

    def read_crossbars(self) -> None:
        for (number, part, *when), drives in self.drives.items():
            place = self.mapping.slices[part]
            parameters = self.package.tiles[place.tile].parameters
            rows, columns, positions, groups = self.matrix(self.network.projections[number], part)
            cells = -(-parameters.weight_bits // parameters.cell_bits) * 2
            row_blocks = -(-rows // parameters.array_rows)
            column_blocks = -(-columns * cells // parameters.array_columns)
            reads = min(drives, positions * row_blocks * groups)
            self.add("row_activations", place.tile, tuple(when), drives * column_blocks)
            self.add("array_reads", place.tile, tuple(when), reads * column_blocks)
            self.add("column_reads", place.tile, tuple(when), reads * columns)
            self.add("position_reads", place.tile, tuple(when), min(drives, positions))
