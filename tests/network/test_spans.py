"""When populations work: by hand, and every way in which it cannot be told."""

from itertools import pairwise

import numpy as np
import pytest

from chipletsim.errors import ConfigError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense, OneToOne
from chipletsim.network.spans import Span, spans, steps_needed

ONE = OneToOne(np.ones(3, np.float32))
ALL = Dense(np.ones((3, 3), np.float32))


def chain(steps=4):
    """Return dense > encoder > decoder > dense, twice."""
    made = (
        NetworkBuilder("chain", dt="1 ms")
        .input("in", (3,), value_bits=8, steps=1)
        .population("a", (3,), "relu", step=1, value_bits=8)
        .population("enc1", (3,), "encode_rate", ceiling=4, steps=steps)
        .population("dec1", (3,), "decode_rate", step=1, value_bits=8)
        .population("b", (3,), "relu", step=1, value_bits=8)
        .population("enc2", (3,), "encode_latency", ceiling=4, steps=2)
        .population("hidden", (3,), "lif", tau="2 ms")
        .population("dec2", (3,), "decode_rate", step=1, value_bits=8)
        .population("out", (3,), "linear", step=1, value_bits=8, output=True)
    )
    names = ["in", "a", "enc1", "dec1", "b", "enc2", "hidden", "dec2", "out"]
    for source, target in pairwise(names):
        made.project(source, target, ONE)
    return made


def test_spans_of_a_chain_by_hand():
    network = chain(steps=4).build()
    found = dict(zip(network.index, spans(network), strict=True))
    assert found["in"] == found["a"] == (Span(0, 1), Span(0, 1))
    assert found["enc1"] == (Span(0, 4), Span(0, 4))
    assert found["dec1"] == (Span(0, 4), Span(3, 1))
    assert found["b"] == (Span(3, 1), Span(3, 1))
    assert found["enc2"] == found["hidden"] == (Span(3, 2), Span(3, 2))
    assert found["dec2"] == (Span(3, 2), Span(4, 1))
    assert found["out"] == (Span(4, 1), Span(4, 1))
    assert steps_needed(network) == 5


def test_spiking_networks_work_in_every_step():
    network = (
        NetworkBuilder("plain", dt="1 ms")
        .input("in", (3,))
        .population("a", (3,), "lif", tau="2 ms")
        .project("in", "a", ALL)
        .project("a", "a", ALL, delay=1)
        .build()
    )
    assert spans(network) == ((None, None), (None, None))
    assert steps_needed(network) == 1


def test_recurrent_populations_share_a_span():
    made = chain().population("loop", (3,), "lif", tau="2 ms")
    made.project("enc1", "loop", ALL).project("loop", "loop", ALL, delay=1)
    network = made.build()
    assert spans(network)[network.index["loop"]] == (Span(0, 4), Span(0, 4))


def test_a_shortcut_waits_by_its_delay():
    made = chain().project("a", "b", ONE, delay=3)
    assert steps_needed(made.build()) == 5
    with pytest.raises(ConfigError, match=r"arrive at different times.*delay a>b by 3 more"):
        chain().project("a", "b", ONE).build()


def test_every_step_and_once_do_not_meet():
    made = chain().input("clock", (3,), value_bits=8).project("clock", "b", ONE)
    with pytest.raises(ConfigError, match=r"different times .*clock>b: every step"):
        made.build()


def faulty(model, source="in", **given):
    made = NetworkBuilder("faulty", dt="1 ms").input("in", (3,), value_bits=8, steps=1)
    made.input("spikes", (3,)).input("frames", (3,), value_bits=8)
    made.population("x", (3,), model, **given).project(source, "x", ONE)
    return made


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (faulty("encode_rate"), "needs `steps`"),
        (faulty("encode_rate", source="frames", steps=3), "send in every step; give the input"),
        (faulty("encode_rate", source="spikes", steps=3), "encoder takes values"),
        (faulty("relu", source="spikes", step=1), "put a decoder between"),
        (faulty("lif", tau="2 ms"), "put an encoder between"),
        (faulty("relu", step=1, steps=2), "only inputs and encoders have steps"),
        (faulty("decode_rate", source="spikes", step=1), "needs events that end"),
        (faulty("relu", step=0), "must be greater than 0"),
        (faulty("encode_rate", steps=0), "must be at least 1"),
    ],
)
def test_faults_are_named(made, message):
    with pytest.raises(ConfigError, match=message):
        made.build()


def test_dense_layers_may_run_on_frames():
    network = faulty("relu", source="frames", step=1).build()
    assert spans(network)[-1] == (None, None)
