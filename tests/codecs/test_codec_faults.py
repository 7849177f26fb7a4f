"""What is refused, and by which name a file asks for a codec."""

import re

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from chipletsim.codecs import (
    BOUNDS,
    CODECS,
    SPIKE_CODECS,
    VALUE_CODECS,
    AddressEvents,
    AddressPackets,
    Bitmap,
    BlockedBitmap,
    CodecSpec,
    DenseValues,
    MaskedValues,
    RiceGaps,
    SpikeCodec,
    SpikeEntropy,
    ValueCodec,
    fair_bits,
)
from chipletsim.codecs.break_even import break_even
from chipletsim.codecs.conversion import Conversion, least_link_energy_j_per_bit
from chipletsim.codecs.flits import UCIE_68B, FrameSpec, flit_floor_neurons, flits
from chipletsim.errors import ConfigError, UsageError

SECTIONS = [
    ({"kind": "address_events", "address": "12 bit"}, AddressEvents),
    ({"kind": "address_packets", "packet": "4 B", "end_packet": True}, AddressPackets),
    ({"kind": "bitmap"}, Bitmap),
    ({"kind": "blocked_bitmap", "block": 8}, BlockedBitmap),
    ({"kind": "rice_gaps", "k": 3, "count": "12 bit"}, RiceGaps),
    ({"kind": "rice_gaps"}, RiceGaps),
    ({"kind": "dense", "width": "8 bit"}, DenseValues),
    ({"kind": "masked", "width": "8 bit"}, MaskedValues),
]


@pytest.mark.parametrize(("section", "model"), SECTIONS)
def test_a_file_names_the_kind(section, model):
    found = TypeAdapter(CodecSpec).validate_python(section, strict=True)
    assert type(found) is model
    assert found == model(**section)


def test_registry_holds_every_kind_by_its_name():
    assert {*SPIKE_CODECS, *VALUE_CODECS} == set(CODECS)
    for name, model in (CODECS | BOUNDS).items():
        assert model.model_fields["kind"].default == name
        assert model.__doc__
    assert all(issubclass(model, SpikeCodec) for model in SPIKE_CODECS.values())
    assert all(issubclass(model, ValueCodec) for model in VALUE_CODECS.values())


@pytest.mark.parametrize(
    ("section", "about"),
    [
        ({"kind": "address_events"}, "address"),
        ({"kind": "address_events", "address": "0 bit"}, "address"),
        ({"kind": "address_events", "address": "12"}, "address"),
        ({"kind": "address_events", "address": "12 bit", "other": "-1 bit"}, "other"),
        ({"kind": "address_packets", "packet": "0.5 bit"}, "packet"),
        ({"kind": "blocked_bitmap", "block": 0}, "block"),
        ({"kind": "rice_gaps", "k": -1}, "k"),
        ({"kind": "rice_gaps", "k": 33}, "k"),
        ({"kind": "bitmap", "block": 8}, "block"),
        ({"kind": "dense", "width": "0 bit"}, "width"),
    ],
)
def test_wrong_sections_are_refused(section, about):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CodecSpec).validate_python(section)
    assert [fault["loc"] for fault in caught.value.errors()] == [(section["kind"], about)]


@pytest.mark.parametrize("kind", ["smoke", *BOUNDS])
def test_what_cannot_be_sent_is_no_codec(kind):
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(CodecSpec).validate_python({"kind": kind})
    assert [fault["type"] for fault in caught.value.errors()] == ["union_tag_invalid"]


def test_codecs_never_change():
    with pytest.raises(ValidationError, match="frozen"):
        RiceGaps(k=1).k = 2


@pytest.mark.parametrize(
    ("codec", "fits", "message"),
    [
        (AddressEvents(address="8 bit"), 256, "address of 8 bit cannot tell 257"),
        (AddressEvents(address="20 bit", count="4 bit"), 15, "count of 4 bit cannot tell 17"),
        (AddressPackets(packet="6 bit"), 64, "packet of 6 bit cannot tell 65"),
        (AddressPackets(packet="6 bit", end_packet=True), 63, "packet of 6 bit cannot tell 65"),
        (RiceGaps(count="4 bit"), 15, "count of 4 bit cannot tell 17"),
        (RiceGaps(k=2, count="4 bit"), 15, "count of 4 bit cannot tell 17"),
    ],
)
def test_more_neurons_than_the_widths_allow(codec, fits, message):
    codec.bits(np.ones((2, fits), bool))
    codec.expected_bits(fits, 2, 0.5)
    with pytest.raises(ConfigError, match=message):
        codec.bits(np.zeros((2, fits + 1), bool))
    with pytest.raises(ConfigError, match=message):
        codec.expected_bits(fits + 1, 2, 0.5)


@pytest.mark.parametrize(
    "spikes",
    [
        np.zeros((2, 3)),
        np.zeros((2, 3), np.uint8),
        np.zeros(3, bool),
        np.zeros((2, 0), bool),
        np.zeros((0, 3), bool),
        [[True, False]],
    ],
)
@pytest.mark.parametrize("codec", [Bitmap(), BlockedBitmap(block=2), RiceGaps()])
def test_arrays_that_are_no_spikes(codec, spikes):
    with pytest.raises(UsageError, match="spikes must be"):
        codec.bits(spikes)
    with pytest.raises(UsageError, match="spikes must be"):
        RiceGaps().best_k(spikes)


def test_no_samples_have_no_bits():
    for codec in (Bitmap(), BlockedBitmap(block=2), RiceGaps(), RiceGaps(k=1)):
        assert codec.bits(np.zeros((0, 2, 3), bool)).shape == (0, 2)


@pytest.mark.parametrize("values", [np.zeros((2, 0)), np.array(3.0), np.array(["a"]), [1, 2]])
@pytest.mark.parametrize("codec", [DenseValues(width="8 bit"), MaskedValues(width="8 bit")])
def test_arrays_that_are_no_values(codec, values):
    with pytest.raises(UsageError, match="values must be"):
        codec.bits(values)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_rates_that_are_no_probability(rate):
    for call in (
        lambda: Bitmap().expected_bits(1, 1, rate),
        lambda: Bitmap().expected_bits_per_neuron(1, rate),
        lambda: SpikeEntropy().expected_bits(1, 1, rate),
        lambda: Conversion(energy_per_update="1 pJ/op").expected_j_per_neuron(1, rate),
    ):
        with pytest.raises(UsageError, match="rate must lie between 0 and 1"):
            call()
    with pytest.raises(UsageError, match="share_of_zeros must lie"):
        MaskedValues(width="8 bit").expected_bits(1, rate)


@pytest.mark.parametrize("number", [0, -1, 1.5, True, None])
def test_numbers_that_count_nothing(number):
    conversion = Conversion(energy_per_update="1 pJ/op")
    calls = {
        "neurons": [
            lambda: Bitmap().expected_bits(number, 1, 0.5),
            lambda: DenseValues(width="8 bit").expected_bits(number, 0.5),
            lambda: conversion.encode_j(number, 1),
        ],
        "steps": [
            lambda: Bitmap().expected_bits(1, number, 0.5),
            lambda: Bitmap().expected_bits_per_neuron(number, 0.5),
            lambda: fair_bits(number),
            lambda: break_even(Bitmap(), number, 8),
            lambda: flit_floor_neurons(number, UCIE_68B, 8),
            lambda: conversion.encode_j(1, number),
        ],
    }
    for name, each in calls.items():
        for call in each:
            with pytest.raises(UsageError, match=f"{name} must be a whole number"):
                call()


def test_neurons_of_a_break_even_are_counted():
    with pytest.raises(UsageError, match="neurons must be"):
        break_even(AddressEvents(address="8 bit"), 1, 8, neurons=0)
    with pytest.raises(ConfigError, match="address of 8 bit"):
        break_even(AddressEvents(address="8 bit"), 1, 8, neurons=300)


@pytest.mark.parametrize("dense_bits", [0, -8, float("nan"), float("inf")])
def test_dense_bits_that_are_none(dense_bits):
    conversion = Conversion(energy_per_update="1 pJ/op")
    for call in (
        lambda: break_even(Bitmap(), 4, dense_bits),
        lambda: flit_floor_neurons(4, UCIE_68B, dense_bits),
        lambda: least_link_energy_j_per_bit(conversion, Bitmap(), 4, 0.5, dense_bits),
    ):
        with pytest.raises(UsageError, match="dense_bits must be finite"):
            call()


def test_energies_are_not_negative():
    with pytest.raises(ValidationError, match="energy_per_update"):
        Conversion(energy_per_update="-1 pJ/op")
    with pytest.raises(UsageError, match="spikes must be"):
        Conversion(energy_per_update="1 pJ/op").decode_j(-1)


@pytest.mark.parametrize(
    "bits", [np.array([1.0]), np.array(3), np.zeros((2, 0), int), [1], np.array([True])]
)
def test_arrays_that_are_no_bits(bits):
    with pytest.raises(UsageError, match="bits must be"):
        flits(bits, UCIE_68B, flush=True)


def test_bits_are_not_negative():
    with pytest.raises(UsageError, match=re.escape("bits must not be negative, got -2")):
        flits(np.array([[3, -2]]), UCIE_68B, flush=False)


def test_a_flit_holds_its_payload():
    with pytest.raises(ValidationError, match="total must be at least payload"):
        FrameSpec(payload="9 bit", total="8 bit")
