"""Conversion hardware by timing `queue` and `cycle`: it works beside its tile and takes no time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import IO, NEUROCORE, mixed_package, package_of, random_mapping
from test_hybrid_price import activity_of, local, network

import chipletsim as cs
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.package_rows import PackageRows, Shared
from chipletsim.cost.row_events import StepEvents
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense, OneToOne
from chipletsim.network.neurons import NEURON_MODELS, Role
from chipletsim.network.pipeline import stages
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.flit_network import delivery_nodes
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.message_times import plan_times

pytestmark = pytest.mark.usefixtures("quick_programs")

HARDWARE = {"energy_j_per_encoder_update": 1e-12, "energy_j_per_decoder_add": 0.25e-12}
CONVERTER = {"energy_per_encoder_update": "1 pJ/op", "energy_per_decoder_add": "0.25 pJ/op"}


def converting(package: cs.Package, kinds: tuple[str, ...]) -> cs.Package:
    """The package with conversion hardware in all tiles of some kinds."""
    tiles = tuple(
        replace(tile, parameters=tile.parameters.model_copy(update=HARDWARE))
        if tile.kind in kinds
        else tile
        for tile in package.tiles
    )
    return replace(package, tiles=tiles)


def one_value(die: dict) -> Mapping:
    """Return a value that an encoder and a decoder turn into spikes and back, on tiles in a row."""
    package = package_of(
        chiplet_types={"die": die}, chiplets={"d": {"type": "die", "at": [0, 0]}}, barrier="0 s"
    )
    one = OneToOne(np.ones(1, np.float32))
    net = (
        NetworkBuilder("pair", dt="1 ms")
        .input("in", (1,), value_bits=8, steps=1)
        .population("enc", (1,), "encode_rate", steps=2)
        .population("dec", (1,), "decode_rate", step=2.0**-8, value_bits=8)
        .project("in", "enc", one)
        .project("enc", "dec", one)
        .build()
    )
    slices = tuple(Slice(number, ((0, 1),), number, number) for number in range(3))
    return Mapping(net, package, slices, "by hand", 0)


def one_spike(mapping: Mapping) -> cs.Activity:
    """Return the activity of one value, which is one spike."""
    spikes = {
        "in": np.float32([[[0.5], [0], [0]]]),
        "enc": np.array([[[True], [False], [False]]]),
        "dec": np.zeros((1, 3, 1), np.float32),
    }
    shapes = {each.name: each.shape for each in mapping.network.populations}
    return cs.Activity.from_spikes(shapes, spikes)


@pytest.mark.parametrize("timing", PACKET_MODELS)
@pytest.mark.parametrize("converts", [True, False])
def test_a_pair_of_converters_by_hand(timing: str, *, converts: bool) -> None:
    """A value goes to an encoder on the next tile, whose spike goes to a decoder on the last.

    Each hop is a clock of its own package; what differs is the work. A core takes 1 ns for a
    message and 1 ns for a synapse on two lanes, 3 ns for a neuron and 1 ns for sending its spike.
    With conversion hardware the synapse and the neuron of a converter take nothing.
    """
    core = NEUROCORE | (CONVERTER if converts else {})
    die = {
        "network": {
            "shape": [3, 1],
            "link": {"bandwidth": "32 Gb/s", "latency": "1 ns", "flit": "128 bit"},
            "router": {"latency": "4 ns", "clock": "1 GHz"},
        },
        "tiles": [{"at": [[x, 0]], "tile": tile} for x, tile in enumerate((IO, core, core))],
    }
    mapping = one_value(die)
    activity = one_spike(mapping)
    found = 1e9 * cs.price(activity, mapping, timing=timing).latency_s[0]
    alone = 16.0  # of a packet to the next router, see tests/cost/interconnect_cases.py
    neuron, synapse = (0.0, 0.0) if converts else (3.0, 1.0)
    # The io tile makes the event in 1 ns.
    first = 1 + alone + 1 + synapse
    # The encoder is updated and its spike made; it leaves with the clock, in whole nanoseconds.
    second = neuron + 1 + alone + 1 + synapse
    assert found[:2].tolist() == pytest.approx([first, second], rel=1e-12)


def busy_ticks(rows: PackageRows, activity: cs.Activity, mapping: Mapping) -> np.ndarray:
    """Return int64 [rows, tiles, 2]: ticks in which each tile makes packets, and works on them."""
    held = StepEvents(mapping.network, stages(mapping.network))
    order = message_plan(mapping).neuron
    found = []
    for complete in (lambda: held.push(activity), held.close):
        count = complete()
        sample, row = np.divmod(np.arange(activity.samples * count), count)
        events = held.of_rows(sample, row, order)
        jobs = rows.jobs(rows.listed(events), events).jobs
        for job in jobs:
            busy = np.zeros((len(mapping.package.tiles), 2), np.int64)
            np.add.at(busy[:, 0], job.burst.packet[:, 0], job.burst.packet[:, 4])
            np.add.at(busy[:, 1], delivery_nodes(job.flows, job.burst), job.burst.processing)
            found.append(busy)
    return np.array(found)


@pytest.mark.parametrize("seed", range(4))
def test_tiles_are_busy_for_as_long_as_they_are_priced(seed: int) -> None:
    """The work on packets of each core is what its events cost, those of converters left out."""
    package = converting(mixed_package(), ("neurocore",))
    net = network()
    mapping = local(random_mapping(net, package, seed))
    everything = tuple(replace(part, weight_tile=part.tile) for part in mapping.slices)
    mapping = replace(mapping, slices=everything)
    activity = activity_of(net, 1, 0.4, seed)
    rows = PackageRows(mapping, package, Shared(mapping, packet_plans(mapping)), spares_bound=False)
    busy = busy_ticks(rows, activity, mapping).sum(axis=(0, 2))
    tick_s = rows.packets.network.network.tick_s
    expected = busy_by_walking(mapping, activity, len(package.tiles))
    cores = [number for number, tile in enumerate(package.tiles) if tile.kind == "neurocore"]
    assert sum(expected[cores]) > 0
    for tile in cores:
        # Each time is a whole number of nanoseconds, or half of one; ticks are rounded up.
        assert busy[tile] * tick_s == pytest.approx(expected[tile], rel=0.01, abs=5e-9)


def busy_by_walking(mapping: Mapping, activity: cs.Activity, tiles: int) -> np.ndarray:
    """Return the seconds that cores work on events, one by one.

    Each neuron of a population that works takes 3 ns, each spike 1 ns to send, each message 1 ns
    to take in and each synapse 1 ns; only messages cost anything where all synapses are those of
    converters.
    """
    net, pipeline = mapping.network, stages(mapping.network)
    owner = mapping.neuron_slice()
    role = [NEURON_MODELS[each.model].role for each in net.populations]
    hardware = [
        role[part.population] in (Role.ENCODER, Role.DECODER)
        and mapping.package.tiles[part.tile].kind == "neurocore"
        for part in mapping.slices
    ]
    found = np.zeros(tiles)
    for number, item in enumerate(net.populations):
        fired = activity.spikes(item.name).reshape(activity.steps, item.size)
        for step in pipeline.ticks(number, 0, activity.steps):
            for neuron in range(item.size):
                place = int(owner[net.offsets[number] + neuron])
                tile = mapping.slices[place].tile
                if not hardware[place] and item.model != "input":
                    found[tile] += 3e-9
                if not fired[step, neuron]:
                    continue
                found[tile] += 1e-9
                for target, synapses in reached(mapping, number, neuron).items():
                    found[target] += 1e-9
                    for block_slice, count in synapses:
                        found[target] += 0.0 if hardware[block_slice] else 1e-9 * count
    return found


def reached(mapping: Mapping, population: int, neuron: int) -> dict[int, list[tuple[int, int]]]:
    """Return the tiles that an event reaches, and how many synapses of which slices there."""
    net = mapping.network
    row = mapping.fan_out.synapses.tocsr()[[net.offsets[population] + neuron]].tocoo()
    found: dict[int, list[tuple[int, int]]] = {}
    for block, count in zip(row.coords[1].tolist(), row.data.tolist(), strict=True):
        part = int(mapping.fan_out.block_slice[block])
        found.setdefault(mapping.slices[part].tile, []).append((part, int(count)))
    if net.populations[population].output:
        io = next(n for n, tile in enumerate(mapping.package.tiles) if tile.kind == "io")
        found.setdefault(io, [])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_no_step_is_faster_than_the_bound(seed: int) -> None:
    """Nor is any energy but that of leakage different; weights may be on memories."""
    package = converting(mixed_package(), ("neurocore", "npu", "crossbar"))
    net = network()
    mapping = random_mapping(net, package, seed)
    activity = activity_of(net, 2, 0.4, seed)
    bound = cs.price(activity, mapping)
    for timing in PACKET_MODELS:
        found = cs.price(activity, mapping, timing=timing)
        assert (found.latency_s >= bound.latency_s * (1 - 1e-12)).all()
        assert found.events == bound.events
        by_bound, by_packets = bound.energy.by_component(), found.energy.by_component()
        assert by_bound["conversions"] > 0
        assert by_packets["conversions"] == pytest.approx(by_bound["conversions"], rel=1e-9)


def test_dense_weights_of_a_neuron_keep_their_time() -> None:
    """A projection into neurons beside a converter on the same tile takes its synapses' time."""
    net = (
        NetworkBuilder("beside", dt="1 ms")
        .input("in", (2,), value_bits=8, steps=1)
        .population("enc", (2,), "encode_rate", steps=2)
        .population("mid", (5,), "relu", step=0.25, value_bits=8)
        .project("in", "enc", OneToOne(np.ones(2, np.float32)))
        .project("in", "mid", Dense(np.ones((5, 2), np.float32)))
        .build()
    )
    package = converting(mixed_package(), ("neurocore",))
    core = next(n for n, tile in enumerate(package.tiles) if tile.kind == "neurocore")
    io = next(n for n, tile in enumerate(package.tiles) if tile.kind == "io")
    slices = (
        Slice(0, ((0, 2),), io, io),
        Slice(1, ((0, 2),), core, core),
        Slice(2, ((0, 5),), core, core),
    )
    plan = message_plan(Mapping(net, package, slices, "by hand", 0))
    groups = plan.synapses[np.lexsort(plan.synapses.T[::-1])]
    counts = [groups[groups[:, 0] == axon, 2].sum() for axon in range(plan.axon_core.size)]
    assert counts == [5, 5]
    assert plan.converted.tolist() == [
        plan.neuron[place] in (2, 3) for place in range(plan.neuron.size)
    ]


PIPELINE = {
    "kind": "pipeline_core",
    "neurons": 16,
    "synapse": {"only": {"energy_per_event": "1 pJ/op", "time_per_event": "2 ns/op"}},
    "soma": {
        "only": {
            "energy_per_access": "1 pJ/op",
            "time_per_access": "3 ns/op",
            "time_per_spike": "5 ns/op",
        }
    },
    "axon_in": {"time_per_message": "7 ns/packet"},
    "axon_out": {"time_per_message": "11 ns/packet"},
}


@pytest.mark.parametrize("converts", [True, False])
def test_converters_of_pipeline_cores_take_messages_alone(*, converts: bool) -> None:
    """In and out they take the time of a message; their synapses and neurons take none."""
    core = PIPELINE | (CONVERTER if converts else {})
    die = {
        "network": {
            "shape": [3, 1],
            "link": {"bandwidth": "32 Gb/s", "latency": "1 ns", "flit": "128 bit"},
            "router": {"multicast": False},
        },
        "tiles": [{"at": "all", "tile": core}],
    }
    mapping = one_value(die)
    plan = message_plan(mapping)
    times = plan_times(plan, mapping.package)
    of_converter = [0.0, 0.0] if converts else [3.0, 5.0]
    found = 1e9 * np.stack([times.access_s, times.spike_s], axis=1)
    assert found.tolist() == pytest.approx(np.array([[3.0, 5.0], of_converter, of_converter]))
    assert times.processing_s * 1e9 == pytest.approx([7.0 if converts else 9.0] * 2)
    activity = one_spike(mapping)
    bound = cs.price(activity, mapping)
    for timing in PACKET_MODELS:
        latency_s = cs.price(activity, mapping, timing=timing).latency_s
        assert (latency_s >= bound.latency_s * (1 - 1e-12)).all()
