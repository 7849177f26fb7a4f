"""Dense layers, encoders and decoders in the price: walked one by one, and by hand."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from cost_cases import IO, NPU, mixed_package, package_of, random_mapping
from encoded_walk import EncodedWalk
from test_traffic_oracle import counted
from walker import Walk

import chipletsim as cs
from chipletsim.cost.program import count
from chipletsim.engine.activity import Activity
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne
from chipletsim.tiles import TileEvents

pytestmark = pytest.mark.usefixtures("quick_programs")

STEPS = 7
WORKS = {
    "in": (0, 1), "conv": (0, 1), "enc": (0, 4), "loop": (0, 4), "dec": (0, 4), "mid": (3, 4),
    "late": (3, 6), "back": (3, 6), "out": (5, 6),
}  # fmt: skip
SENDS = WORKS | {"dec": (3, 4), "back": (5, 6)}


def network():
    """Return a network with two boundaries, of 4 and of 3 steps, whose spans are `WORKS`."""

    def normal(*shape):
        return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)

    return (
        NetworkBuilder("hybrid", dt="1 ms")
        .input("in", (1, 6, 6), value_bits=8, steps=1)
        .population("conv", (2, 4, 4), "relu", step=0.25, value_bits=6)
        .population("enc", (2, 4, 4), "encode_rate", steps=4)
        .population("loop", (12,), "lif", tau="4 ms")
        .population("dec", (12,), "decode_rate", step=0.25, value_bits=8)
        .population("mid", (9,), "relu", step=0.25, value_bits=8)
        .population("late", (9,), "encode_latency", steps=3)
        .population("back", (9,), "decode_latency", step=0.25, value_bits=8)
        .population("out", (5,), "linear", step=0.25, value_bits=8, output=True)
        .project("in", "conv", Conv2d(normal(2, 1, 3, 3)))
        .project("conv", "enc", OneToOne(normal(32)))
        .project("enc", "loop", Dense(normal(12, 32)))
        .project("loop", "loop", Dense(normal(12, 12)), delay=1)
        .project("loop", "dec", OneToOne(normal(12)))
        .project("dec", "mid", Dense(normal(9, 12)))
        .project("mid", "late", OneToOne(normal(9)))
        .project("late", "back", OneToOne(normal(9)))
        .project("back", "out", Dense(normal(5, 9)))
        .build()
    )


def activity_of(net, samples, rate, seed):
    """Random events, in the steps in which each population sends."""
    rng = np.random.default_rng(seed)
    spikes = {}
    for item in net.populations:
        fired = rng.random((samples, STEPS, *item.shape)) < rate
        first, stop = SENDS[item.name]
        fired[:, :first] = fired[:, stop:] = False
        spikes[item.name] = fired * np.float32(0.5) if item.value_bits else fired
    return Activity.from_spikes({p.name: p.shape for p in net.populations}, spikes)


def converting():
    """Return the package with conversion hardware on its npus."""
    hardware = {"energy_per_encoder_update": "1 pJ/op", "energy_per_decoder_add": "0.25 pJ/op"}
    return mixed_package(npu=NPU | hardware)


def local(mapping):
    """Return the mapping with all weights of encoders and decoders on their own tile."""
    names = [item.model for item in mapping.network.populations]
    slices = tuple(
        replace(part, weight_tile=part.tile)
        if names[part.population].startswith(("encode", "decode"))
        else part
        for part in mapping.slices
    )
    return replace(mapping, slices=slices)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hardware", [False, True])
def test_counts_equal_those_of_walking(seed, hardware):
    net, package = network(), converting() if hardware else mixed_package()
    mapping = local(random_mapping(net, package, seed))
    activity = activity_of(net, 2, 0.4, seed)
    model, direct, rows = counted(mapping, activity, "xla")
    walk = Walk(mapping, activity, WORKS)

    def expected(what, places):
        table = np.zeros((places, activity.samples * rows), np.int64)
        for (name, where, sample, row), amount in walk.counts.items():
            if name == what:
                table[where, sample * rows + row] += amount
        return table

    with jax.enable_x64(True):
        found = jax.tree.map(np.asarray, jax.jit(count)(direct, model.incidence))
    for name in TileEvents._fields:
        amount = found.tiles.amount(name)
        np.testing.assert_array_equal(amount, expected(name, len(amount)), err_msg=name)
    for name in ("link_packets", "link_bits", "router_packets"):
        amount = getattr(found, name)
        np.testing.assert_array_equal(amount, expected(name, len(amount)), err_msg=name)


def two_dies(**converter):
    """Return two dies, a sensor and an npu on the one and an npu on the other."""

    def die(*tiles):
        places = [{"at": "all", "tile": tile} for tile in tiles]
        return {"network": {"shape": [1, 1], "link": LINK}, "tiles": places}

    link = {
        "bandwidth": "8 Gb/s",
        "latency": "10 ns",
        "flit": "1 bit",
        "energy_per_bit": "2 pJ/bit",
    }
    return package_of(
        chiplet_types={"a": die(IO, NPU | converter), "b": die(NPU | converter)},
        chiplets={"a": {"type": "a", "at": [0, 0]}, "b": {"type": "b", "at": [1, 0]}},
        network={"shape": [2, 1], "link": link},
    )


LINK = {"bandwidth": "64 Gb/s", "latency": "2 ns", "flit": "1 bit"}


def boundary_network(steps):
    return (
        NetworkBuilder("boundary", dt="1 ms")
        .input("in", (10,), value_bits=8, steps=1)
        .population("a", (10,), "relu", step=2.0**-8, value_bits=8)
        .population("enc", (10,), "encode_rate", steps=steps)
        .population("dec", (10,), "decode_rate", step=2.0**-8, value_bits=8)
        .population("b", (6,), "relu", step=2.0**-8, value_bits=8)
        .project("in", "a", OneToOne(np.ones(10, np.float32)))
        .project("a", "enc", OneToOne(np.ones(10, np.float32)))
        .project("enc", "dec", OneToOne(np.full(10, 1 / steps, np.float32)))
        .project("dec", "b", Dense(np.full((6, 10), 0.25, np.float32)))
        .build()
    )


def test_conversion_by_hand():
    """Ten values over 4 steps: 40 updates of the encoder, one addition for each spike.

    Values 0, 0.25, 0.5, 0.75, 0.99 twice give 0, 1, 2, 3, 4 spikes: 20 in all. A packet is 8 bits
    of header and 20 of address.
    """
    net = boundary_network(4)
    package = two_dies(energy_per_encoder_update="3 pJ/op", energy_per_decoder_add="0.5 pJ/op")
    place = {name: {"chiplet": "a", "kind": "npu"} for name in ("a", "enc")}
    place |= {name: {"chiplet": "b"} for name in ("dec", "b")}
    mapping = cs.map_network(net, package, place=place)
    inputs = np.zeros((1, 4, 10), np.float32)
    inputs[0, 0] = np.tile([0, 0.25, 0.5, 0.75, 0.99], 2)
    activity = cs.simulate(net, inputs, mapping=mapping)
    result = cs.price(activity, mapping)
    by_component = result.energy.by_component()
    assert by_component["conversions"] == pytest.approx(40 * 3e-12 + 20 * 0.5e-12, rel=1e-12, abs=0)
    links = result.links.data
    crossing = np.flatnonzero(np.logical_and(links["between_dies"], links["packets"]))
    assert links["packets"][crossing].tolist() == [20]
    assert links["wire_bits"][crossing].tolist() == [20 * 28]
    # a, dec and b update 10, 0 (it is hardware) and 6 neurons once; the encoder none.
    assert result.events.neuron_updates == 16


def test_without_conversion_hardware_they_are_neurons():
    net, package = boundary_network(4), two_dies()
    mapping = cs.map_network(net, package)
    activity = cs.simulate(net, np.zeros((1, 4, 10), np.float32), mapping=mapping)
    result = cs.price(activity, mapping)
    # a 10 and b 6 in one step each, the encoder and the decoder 10 in each of 4 steps.
    assert result.events.neuron_updates == 16 + 40 + 40
    assert not result.energy.by_component().get("conversions", 0)


def test_rates_are_those_of_the_steps_in_which_a_population_sends():
    net, package = boundary_network(4), two_dies()
    mapping = cs.map_network(net, package)
    ones = dict.fromkeys([item.name for item in net.populations], 1.0)
    full = cs.price(cs.RateActivity.of(net, ones, steps=5), mapping)
    listed = {}
    for item in net.populations:
        events = np.zeros((1, 5, *item.shape), np.float32 if item.value_bits else bool)
        first, stop = {"enc": (0, 4), "dec": (3, 4), "b": (3, 4)}.get(item.name, (0, 1))
        events[:, first:stop] = 1
        listed[item.name] = events
    shapes = {item.name: item.shape for item in net.populations}
    priced = cs.price(Activity.from_spikes(shapes, listed), mapping)
    assert full.events == priced.events
    assert full.energy.total_j == priced.energy.total_j


def test_rates_measured_on_a_run_give_its_mean_events():
    net = boundary_network(4)
    inputs = np.zeros((40, 4, 10), np.float32)
    inputs[:, 0] = np.random.default_rng(0).random((40, 10))
    activity = cs.simulate(net, inputs)
    drawn = cs.RateActivity.like(activity, net, steps=4, samples=200)
    counts = drawn.class_counts(np.arange(net.neurons), net.neurons).sum(axis=(0, 1))
    for number, item in enumerate(net.populations):
        own = slice(*net.offsets[number : number + 2])
        per_sample = activity.totals[item.name].sum() / 40
        spread = 4.5 * np.sqrt(max(per_sample, 1) / 200)
        assert abs(counts[own].sum() / 200 - per_sample) <= spread, item.name
    with pytest.raises(cs.UsageError, match="takes 4 steps, not 3"):
        cs.RateActivity.like(activity, net, steps=3)


CODES = {
    "address_events": {"address": "12 bit", "count": "8 bit"},
    "bitmap": {},
    "blocked_bitmap": {"block_neurons": 4},
    "rice_gaps": {"k": 2},
    "spike_counts": {},
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("values", ["dense", "masked"])
def test_encoded_links_send_in_the_steps_in_which_a_population_does(seed, code, values):
    encoding = {
        "spikes": {"kind": code} | CODES[code],
        "values": {"kind": values, "width": "8 bit"},
    }
    net, package = network(), mixed_package(encoding=encoding)
    mapping = local(random_mapping(net, package, seed))
    activity = activity_of(net, 2, 0.4, seed)
    model, direct, rows = counted(mapping, activity, "xla")
    walk = EncodedWalk(mapping, activity, WORKS, SENDS)
    with jax.enable_x64(True):
        found = jax.tree.map(np.asarray, jax.jit(count)(direct, model.incidence))
    for name in ("link_packets", "link_bits"):
        amount = getattr(found, name)
        due = walk.table(name, len(amount), activity.samples, rows)
        np.testing.assert_array_equal(amount, due, err_msg=name)
    encoded = [link.spec.encoding is not None for link in package.links]
    assert found.link_bits[encoded].sum() > 0
