"""The pass that inserts encoders: what it inserts, what it predicts, what it leaves alone."""

import numpy as np
import pytest

import chipletsim as cs
from chipletsim.hybrid.insert import crossings
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense, OneToOne
from chipletsim.network.spans import Span, spans

pytestmark = pytest.mark.usefixtures("quick_programs")

STEP = 2.0**-8
LINK = {"bandwidth": "64 Gb/s", "latency": "2 ns", "flit": "1 bit"}
NPU = {
    "kind": "npu", "neurons": 4096, "synaptic_memory": "1 MiB", "weight_bits": 8,
    "array_rows": 8, "array_columns": 8, "clock": "1 GHz", "energy_per_mac": "0.5 pJ/op",
    "sram_energy_per_bit": "0.1 pJ/bit",
}  # fmt: skip
IO = {
    "kind": "io", "neurons": 1000, "energy_per_input": "1 pJ/packet",
    "energy_per_output": "1 pJ/packet", "event_rate": "1 Gpacket/s",
}  # fmt: skip


def package(d2d="100 pJ/bit", encoder="0.1 pJ/op", dies=2, neurons=4096):
    """Dies in a row with one npu each, the first with an io tile; a value takes a 48-bit packet."""
    npu = NPU | {"energy_per_encoder_update": encoder, "neurons": neurons}

    def die(*tiles):
        places = [{"at": "all", "tile": tile} for tile in tiles]
        return {"network": {"shape": [1, 1], "link": LINK}, "tiles": places}

    link = LINK | {"energy_per_bit": d2d}
    return cs.load_package(
        {
            "name": "row",
            "packet": {"header": "8 bit", "address": "32 bit"},
            "chiplet_types": {"first": die(IO, npu), "other": die(npu)},
            "chiplets": {
                f"d{n}": {"type": "other" if n else "first", "at": [n]} for n in range(dies)
            },
            "network": {"topology": "mesh", "shape": [dies], "link": link},
        }
    )


def network(shortcut=False):
    """Return in > a > b > c, with a > c as well where there is a shortcut."""
    random = np.random.default_rng(0)

    def weights(rows, columns):
        return (random.integers(-8, 9, (rows, columns)) / 16).astype(np.float32)

    made = (
        NetworkBuilder("dense", dt="1 ms")
        .input("in", (20,), value_bits=8, steps=1)
        .population("a", (30,), "relu", step=STEP, value_bits=8)
        .population("b", (20,), "relu", step=STEP, value_bits=8)
        .population("c", (5,), "linear", step=STEP, value_bits=12)
        .project("in", "a", Dense(weights(30, 20)))
        .project("a", "b", Dense(weights(20, 30)))
        .project("b", "c", Dense(weights(5, 20)))
    )
    if shortcut:
        made.project("a", "c", Dense(weights(5, 30)))
    return made.build()


def placed(net, pack, **dies):
    mapping = cs.map_network(net, pack, place={k: {"chiplet": v} for k, v in dies.items()})
    inputs = np.zeros((30, 1, 20), np.float32)
    inputs[:, 0] = np.random.default_rng(1).integers(0, 65, (30, 20)) / 64
    return mapping, inputs, cs.simulate(net, inputs, mapping=mapping)


def test_an_encoder_is_inserted_where_the_link_is_dear():
    mapping, inputs, activity = placed(network(), package(), a="d0", b="d1", c="d1")
    made = cs.encode_boundaries(mapping, activity, steps=4, code="latency")
    (only,) = made.candidates
    assert (only.source, only.dies, only.inserted) == ("a", ("d1",), True)
    populations = made.network.index
    assert set(populations) - set(mapping.network.index) == {"a.encoder", "a.decoder.d1"}
    working = spans(made.network)
    assert working[populations["a.encoder"]].works == Span(0, 4)
    assert working[populations["b"]].works == Span(3, 1)
    # What it predicts is what a simulation of the new network costs, but for the draws.
    longer = np.zeros((30, 4, 20), np.float32)
    longer[:, :1] = inputs
    after = cs.price(cs.simulate(made.network, longer, mapping=made.mapping), made.mapping)
    before = cs.price(activity, mapping)
    assert made.before == pytest.approx(before.energy_per_inference_j, rel=0.05)
    assert made.after == pytest.approx(after.energy_per_inference_j, rel=0.05)
    assert after.energy_per_inference_j < before.energy_per_inference_j
    # Spikes alone cross, one for each value above an eighth of the largest.
    values = activity.values["a"][:, 0].astype(float)
    spikes = np.count_nonzero(values > values.max() / 8)
    links = after.links.data
    crossing = np.flatnonzero(np.logical_and(links["between_dies"], links["packets"]))
    assert links["packets"][crossing].tolist() == [spikes]


def test_nothing_is_inserted_where_conversion_costs_more():
    mapping, _, activity = placed(
        network(), package(d2d="0.01 pJ/bit", encoder="50 pJ/op"), a="d0", b="d1", c="d1"
    )
    made = cs.encode_boundaries(mapping, activity)
    assert [each.inserted for each in made.candidates] == [False]
    assert made.candidates[0].saved < 0
    assert made.mapping is mapping
    assert made.before == made.after
    assert "costs more than it saves" in str(made)


def test_values_that_overtake_others_wait():
    """a > c within a die needs no encoder, but must wait for b, which comes by spikes."""
    mapping, inputs, activity = placed(network(shortcut=True), package(), a="d0", b="d1", c="d0")
    made = cs.encode_boundaries(mapping, activity, steps=4, code="latency")
    assert [each.source for each in made.candidates] == ["a", "b"]
    assert all(each.inserted for each in made.candidates)
    delays = {each.name: each.delay for each in made.network.projections}
    assert delays["a>c"] == 6  # c works in the last step of the second encoder
    longer = np.zeros((30, 7, 20), np.float32)
    longer[:, :1] = inputs
    found = cs.simulate(made.network, longer, mapping=made.mapping)
    # The answers are those of the dense network, but for the rounding of what crosses.
    given = activity.values["c"].sum(axis=1)
    again = found.values["c"].sum(axis=1)
    assert np.corrcoef(given.ravel(), again.ravel())[0, 1] > 0.95


def test_what_cannot_be_encoded_says_why():
    net = (
        NetworkBuilder("signed", dt="1 ms")
        .input("in", (20,), value_bits=8, steps=1)
        .population("a", (20,), "linear", step=STEP, value_bits=8)
        .population("b", (20,), "relu", step=STEP, value_bits=8)
        .project("in", "a", OneToOne(np.ones(20, np.float32)))
        .project("a", "b", OneToOne(np.ones(20, np.float32)))
        .build()
    )
    mapping, _, activity = placed(net, package(), a="d0", b="d1")
    made = cs.encode_boundaries(mapping, activity)
    assert [each.reason for each in made.candidates] == [
        "its values have a sign, and spikes have none"
    ]
    frames = NetworkBuilder("frames", dt="1 ms").input("in", (20,), value_bits=8)
    frames.population("a", (20,), "relu", step=STEP, value_bits=8)
    frames.project("in", "a", OneToOne(np.ones(20, np.float32)))
    mapping = cs.map_network(frames.build(), package(), place={"a": {"chiplet": "d1"}})
    assert "come in many steps" in crossings(mapping)[0].reason


@pytest.mark.parametrize("code", ["rate", "latency"])
@pytest.mark.parametrize("objective", ["energy", "bits", "latency"])
def test_every_code_and_objective(code, objective):
    mapping, _, activity = placed(network(), package(), a="d0", b="d1", c="d1")
    made = cs.encode_boundaries(mapping, activity, steps=8, code=code, objective=objective)
    assert made.after <= made.before
    assert made.to_dict()["candidates"][0]["inserted"] == (made.after < made.before)


def test_wrong_arguments_are_refused():
    mapping, _, activity = placed(network(), package(), a="d0", b="d1", c="d1")
    with pytest.raises(cs.UsageError, match="no code 'rte'; there are rate, latency"):
        cs.encode_boundaries(mapping, activity, code="rte")
    with pytest.raises(cs.UsageError, match="no objective"):
        cs.encode_boundaries(mapping, activity, objective="area")
    with pytest.raises(cs.UsageError, match="at least 1"):
        cs.encode_boundaries(mapping, activity, steps=0)


def test_a_spiking_network_has_no_values_to_encode():
    net = (
        NetworkBuilder("spiking", dt="1 ms")
        .input("in", (20,))
        .population("a", (20,), "lif", tau="4 ms", v_threshold=0.2)
        .project("in", "a", OneToOne(np.ones(20, np.float32)))
        .build()
    )
    mapping = cs.map_network(net, package(), place={"a": {"chiplet": "d1"}})
    activity = cs.simulate(net, np.random.default_rng(0).random((4, 50, 20)) < 0.3, mapping=mapping)
    made = cs.encode_boundaries(mapping, activity)
    assert made.candidates == ()
    assert "no population sends values to another die" in str(made)
    # Predictions are of inferences as long as those of the activity.
    energy_j = cs.price(activity, mapping).energy_per_inference_j
    assert made.before == pytest.approx(energy_j, rel=0.05)


def test_what_fits_alone_but_not_with_the_others_is_left_out():
    """On d0 lie 30 + 5 neurons; an encoder of 30 fits, a decoder of 20 as well, but not both."""
    small = package(neurons=84)
    mapping, _, activity = placed(network(shortcut=True), small, a="d0", b="d1", c="d0")
    made = cs.encode_boundaries(mapping, activity, steps=4, code="latency")
    kept = {each.source: each.inserted for each in made.candidates}
    assert kept == {"a": True, "b": False}
    assert "neurons" in made.candidates[1].reason
    assert made.candidates[1].saved > 0
