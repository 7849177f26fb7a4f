"""Slices partition populations and keep within capacities, whatever the network."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from mapping_cases import (
    cells,
    conv,
    crossbar,
    dense,
    die,
    edge,
    inputs,
    io,
    memory,
    network,
    neurocore,
    npu,
    one_to_one,
    package,
    sparse_random,
)
from mapping_oracle import assert_sound, synapses

from chipletsim.errors import InfeasibleError
from chipletsim.mapping import PARTITIONERS, Mapping, map_network
from chipletsim.network.connections import Pool2d, Sparse
from chipletsim.package.model import Package


@st.composite
def networks(draw):
    channels, side = draw(st.integers(1, 3)), draw(st.integers(3, 7))
    parts = [inputs("in", channels, side, side)]
    kernel, out = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    padding = draw(st.integers(0, 1))
    plane = side + 2 * padding - kernel + 1
    parts += [
        cells("conv", out, plane, plane),
        edge("in", "conv", conv(out, channels, kernel, padding)),
    ]
    size, pool = out * plane * plane, None
    if plane >= 2 and draw(st.booleans()):
        pool = Pool2d((2, 2), (2, 2))
        size = out * (plane // 2) ** 2
    flat = draw(st.integers(1, 40))
    parts += [cells("flat", flat), edge("conv", "flat", dense(size, flat), pool=pool)]
    if draw(st.booleans()):
        each = draw(st.integers(1, min(5, flat)))
        parts.append(edge("flat", "flat", sparse_random(flat, flat, each), delay=1))
    parts += [cells("out", flat, output=True), edge("flat", "out", one_to_one(flat))]
    return network(*parts)


@st.composite
def packages(draw) -> Package:
    limits = st.none() | st.integers(20, 400)
    core = neurocore(
        neurons=draw(st.integers(4, 80)),
        synaptic_memory=f"{draw(st.integers(1, 4096))} B",
        shares_weights=draw(st.booleans()),
        fan_in=draw(limits),
        fan_out=draw(limits),
    )
    cross = crossbar(
        neurons=draw(st.integers(1, 30)),
        synaptic_memory="512 B",
        array_rows=draw(st.integers(1, 16)),
        array_columns=draw(st.integers(1, 16)),
        shares_weights=draw(st.booleans()),
    )
    front = [io(), memory(synaptic_memory=f"{draw(st.integers(1, 16))} KiB")]
    front.append(npu(neurons=draw(st.integers(1, 100)), synaptic_memory="256 B"))
    return package(die(*front), die(*[core] * draw(st.integers(1, 6))), die(cross, cross))


def attempt(*given, **options) -> Mapping | InfeasibleError:
    try:
        return map_network(*given, **options)
    except InfeasibleError as error:
        return error


@pytest.mark.parametrize("strategy", PARTITIONERS)
@settings(max_examples=15, deadline=None, derandomize=True,
          suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])  # fmt: skip
@given(net=networks(), hardware=packages(), split=st.sampled_from(["auto", "channels", "rows"]))
def test_slices_partition_populations_within_every_capacity(strategy, net, hardware, split):
    mapping = attempt(net, hardware, strategy=strategy, split={"conv": split}, seed=1)
    if isinstance(mapping, InfeasibleError):
        assert mapping.shortfalls
        assert all(item.demand > item.bound for item in mapping.shortfalls), str(mapping)
        assume(False)
    assert mapping.strategy == strategy
    assert_sound(mapping)


def rows_case():
    return network(inputs("in", 1, 10, 10), cells("conv", 4, 8, 8), edge("in", "conv", conv(4, 1)))


def boxes(mapping, name):
    index = mapping.network.index[name]
    return [part.box for part in mapping.slices if part.population == index]


def halves():
    return package(die(io()), die(neurocore(neurons=128), neurocore(neurons=128)))


def test_split_says_along_which_axis_a_plane_is_cut():
    by = {axis: boxes(map_network(rows_case(), halves(), split={"conv": axis}), "conv")
          for axis in ("channels", "rows")}  # fmt: skip
    assert by["channels"] == [((0, 2), (0, 8), (0, 8)), ((2, 4), (0, 8), (0, 8))]
    assert by["rows"] == [((0, 4), (0, 4), (0, 8)), ((0, 4), (4, 8), (0, 8))]


def test_auto_cuts_rows_where_a_halo_is_less_than_replication():
    # Channels would send 2 x 100 inputs, rows 100 and two halo rows of 10.
    assert boxes(map_network(rows_case(), halves()), "conv")[0] == ((0, 4), (0, 4), (0, 8))


def test_auto_cuts_channels_where_each_source_feeds_its_own():
    net = network(
        inputs("in", 4, 10, 10),
        cells("conv", 4, 8, 8),
        edge("in", "conv", conv(4, 4, groups=4)),
    )
    # A depthwise convolution sends each channel to one slice, rows would send halos to two.
    assert boxes(map_network(net, halves()), "conv")[0] == ((0, 2), (0, 8), (0, 8))


def test_a_plane_larger_than_a_tile_is_cut_inside_its_channels():
    hardware = package(die(io()), die(*[neurocore(neurons=30)] * 6))
    net = network(
        inputs("in", 1, 8, 8), cells("conv", 2, 8, 8), edge("in", "conv", conv(2, 1, 3, 1))
    )
    mapping = map_network(net, hardware, strategy="sequential", split={"conv": "channels"})
    assert_sound(mapping)
    assert boxes(mapping, "conv")[:3] == [
        ((0, 1), (0, 3), (0, 8)), ((0, 1), (3, 6), (0, 8)), ((0, 1), (6, 8), (0, 8)),
    ]  # fmt: skip


def test_a_population_is_cut_finer_where_fan_out_is_short():
    # Each neuron of a sends to one tile, so a tile of 10 pairs holds 10 of them, not 40.
    net = network(cells("a", 40), cells("b", 40), edge("a", "b", one_to_one(40)))
    core = neurocore(neurons=40, fan_out=10)
    mapping = map_network(net, package(die(*[core] * 8)))
    assert_sound(mapping)
    held = [part.size for part in mapping.slices if part.population == 0]
    assert len(held) >= 4
    assert max(held) <= 10


def test_a_bound_on_fan_in_cuts_a_sparse_population():
    # Each source has one synapse, so a slice of n targets has n sources.
    net = network(inputs("in", 60), cells("a", 60), edge("in", "a", one_each(60)))
    hardware = package(die(io()), die(*[neurocore(fan_in=16)] * 4))
    mapping = map_network(net, hardware)
    assert_sound(mapping)
    assert sorted(part.size for part in mapping.slices if part.population == 1)[0] >= 12


def one_each(count):
    targets = np.random.default_rng(3).permutation(count).astype(np.int32)
    return Sparse(np.arange(count + 1, dtype=np.int64), targets, np.ones(count, np.float32), count)


def test_the_oracle_finds_a_halo():
    # The oracle itself, against a count by hand: 3 x 3 taps at the corner of a padded plane.
    net = network(inputs("in", 1, 4, 4), cells("c", 1, 4, 4), edge("in", "c", conv(1, 1, 3, 1)))
    table = synapses(net, net.projections[0])
    assert table[:, 0].sum() == 4
    assert table[:, 5].sum() == 9
