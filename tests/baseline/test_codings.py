"""What crosses die boundaries, in every codec: crossings by hand, bits from strings of bits."""

import sys
from dataclasses import replace
from math import ceil, log2
from pathlib import Path

import numpy as np
import pytest

from chipletsim.baseline import codings as module
from chipletsim.baseline.codings import codings
from chipletsim.codecs import AddressEvents, AddressPackets, Bitmap, BlockedBitmap, RiceGaps
from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection

sys.path += [str(Path(__file__).parents[1] / room) for room in ("cost", "codecs")]
from bit_strings import write
from cost_cases import mixed_package

SAMPLES, STEPS = 3, 5
SIZES = {"in": 6, "hidden": 8, "out": 3}
CROSSING = {
    # Inputs reach the half of `hidden` on the other die, and its other half reaches `out`.
    ("a", "b"): {"in": range(6), "hidden": range(4)},
    # Answers leave by the io tile.
    ("b", "a"): {"out": range(3)},
}


def network(value_bits: int = 0) -> Network:
    def dense(source: str, target: str) -> Dense:
        return Dense(np.ones((SIZES[target], SIZES[source]), np.float32))

    return Network(
        "three",
        (
            Population("in", (6,), "input", value_bits=value_bits),
            Population("hidden", (8,), "if"),
            Population("out", (3,), "if", output=True),
        ),
        (
            Projection("first", "in", "hidden", dense("in", "hidden")),
            Projection("second", "hidden", "out", dense("hidden", "out")),
        ),
        1e-3,
    )


def placed(net: Network) -> Mapping:
    package = mixed_package((True, False))
    dies = [package.chiplets[tile.chiplet].name for tile in package.tiles]
    kinds = [tile.kind for tile in package.tiles]

    def on(die: str, kind: str) -> int:
        return next(i for i, at in enumerate(zip(dies, kinds, strict=True)) if at == (die, kind))

    io, near, far = on("a", "io"), on("a", "neurocore"), on("b", "neurocore")
    slices = (
        Slice(0, ((0, 6),), io, io),
        Slice(1, ((0, 4),), near, near),
        Slice(1, ((4, 8),), far, far),
        Slice(2, ((0, 3),), far, far),
    )
    return Mapping(net, package, slices, "by hand", 0)


@pytest.fixture(scope="module")
def spikes():
    draw = np.random.default_rng(0)
    return {name: draw.random((SAMPLES, STEPS, size)) < 0.3 for name, size in SIZES.items()}


def activity_of(spikes) -> Activity:
    return Activity.from_spikes({name: (size,) for name, size in SIZES.items()}, spikes)


def written(codec, crossing, k=None) -> float:
    """Return the bits per inference of strings that are really written."""
    return sum(len("".join(write(codec, sample, k))) for sample in crossing) / SAMPLES


def test_bits_of_each_boundary(spikes):
    found = codings(activity_of(spikes), placed(network()), dense_bits=7)
    assert {(each.source, each.target) for each in found.boundaries} == set(CROSSING)
    for each in found.boundaries:
        chosen = CROSSING[each.source, each.target]
        crossing = np.concatenate([spikes[name][..., list(at)] for name, at in chosen.items()], -1)
        neurons, events = crossing.shape[-1], crossing.sum()
        assert each.populations == tuple(chosen)
        assert each.neurons == neurons
        assert each.spikes == events / SAMPLES
        fair = ceil(log2(STEPS + 1))
        active = crossing.any(axis=1).sum() / SAMPLES
        address = AddressEvents(address=f"{ceil(log2(neurons))} bit")
        assert each.bits == {
            "events": written(address, crossing),
            "packets": written(AddressPackets(packet="32 bit"), crossing),
            "bitmap": written(Bitmap(), crossing),
            "blocks": written(BlockedBitmap(block=32), crossing),
            "gaps": min(written(RiceGaps(k=k), crossing, k) for k in range(6)),
            "dense 7": 7 * neurons,
            "dense q": fair * neurons,
            "masked": pytest.approx(neurons + fair * active, rel=1e-12, abs=0),
        }
        assert each.bits[each.least] == min(each.bits.values())
    total = found.total
    assert total["bitmap"] == STEPS * (10 + 3)
    assert sum(each.bits["gaps"] for each in found.boundaries) == total["gaps"]


def test_samples_in_any_chunks(spikes, monkeypatch):
    mapping = placed(network())
    whole = codings(activity_of(spikes), mapping)
    monkeypatch.setattr(module, "_CHUNK_NUMBERS", 1)
    assert codings(activity_of(spikes), mapping).to_dict() == whole.to_dict()


def test_events_that_are_values_are_left_out(spikes):
    values = spikes | {"in": spikes["in"] * np.float32(0.5)}
    found = codings(activity_of(values), placed(network(value_bits=8)))
    assert found.graded == ("in",)
    there = next(each for each in found.boundaries if each.source == "a")
    assert there.populations == ("hidden",)
    assert there.neurons == 4
    assert "left out, as their events are values or counts: in" in str(found)


def test_the_table_shows_what_the_object_holds(spikes):
    found = codings(activity_of(spikes), placed(network()))
    text = str(found)
    assert "a > b" in text
    assert "b > a" in text
    assert f"{found.total['bitmap']:g} bit" in text
    assert found.to_dict()["boundaries"][0]["bits"] == found.boundaries[0].bits


def test_one_die_has_no_boundary(spikes):
    mapping = placed(network())
    near = mapping.slices[1].tile
    slices = [Slice(each.population, each.box, near, near) for each in mapping.slices[1:]]
    inside = Mapping(mapping.network, mapping.package, (mapping.slices[0], *slices), "inside", 0)
    found = codings(activity_of(spikes), inside)
    assert found.boundaries == ()
    assert found.total == {}
    assert str(found)


def test_activity_that_does_not_fit(spikes):
    mapping = placed(network())
    with pytest.raises(UsageError, match="another network"):
        codings(Activity.from_spikes({"in": (6,)}, {"in": spikes["in"]}), mapping)
    other = replace(activity_of(spikes), network="0" * 64)
    with pytest.raises(UsageError, match="another network"):
        codings(other, mapping)
    with pytest.raises(UsageError, match="no samples or no steps"):
        codings(activity_of({name: each[:, :0] for name, each in spikes.items()}), mapping)
