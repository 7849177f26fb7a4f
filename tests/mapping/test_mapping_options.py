"""The options of ``map_network``: places, patterns, and what unknown names give."""

import numpy as np
import pytest
from mapping_cases import (
    cells,
    conv,
    crossbar,
    dense,
    die,
    edge,
    inputs,
    io,
    network,
    neurocore,
    npu,
    package,
)

from chipletsim.errors import ConfigError
from chipletsim.mapping import map_network
from chipletsim.spec.experiment import PlaceSpec


def net():
    return network(
        inputs("in", 1, 6, 6),
        cells("conv", 2, 4, 4),
        cells("recurrent", 20),
        cells("readout", 5, output=True),
        edge("in", "conv", conv(2, 1)),
        edge("conv", "recurrent", dense(32, 20)),
        edge("recurrent", "readout", dense(20, 5)),
    )


def hardware():
    return package(
        die(io(), npu()), die(neurocore(), neurocore()), die(crossbar(), crossbar(), io())
    )


def tiles_of(mapping, name) -> set[str]:
    index = mapping.network.index[name]
    tiles = mapping.package.tiles
    return {tiles[part.tile].name for part in mapping.slices if part.population == index}


def test_place_by_kind_chiplet_tile_and_pattern():
    mapping = map_network(
        net(),
        hardware(),
        place={
            "in": {"chiplet": "die2"},
            "conv": PlaceSpec(kind="np*"),
            "rec*": {"kind": "neurocore", "chiplet": "die[1-9]"},
            "readout": {"tile": "die2(1,0).crossbar"},
        },
    )
    assert tiles_of(mapping, "in") == {"die2(2,0).io"}
    assert tiles_of(mapping, "conv") == {"die0(1,0).npu"}
    assert tiles_of(mapping, "recurrent") <= {"die1(0,0).neurocore", "die1(1,0).neurocore"}
    assert tiles_of(mapping, "readout") == {"die2(1,0).crossbar"}


def problems(**options) -> str:
    with pytest.raises(ConfigError) as caught:
        map_network(net(), hardware(), **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "trafic"}, "no strategy 'trafic'; did you mean 'traffic'?"),
        ({"strategy": "zzz"}, "there are sequential, traffic, anneal"),
        ({"place": {"con": {"kind": "npu"}}}, "no population 'con'; did you mean 'conv'?"),
        ({"place": {"conv": {"kind": "nqu"}}}, "has kind nqu; its tiles are of kind crossbar"),
        ({"place": {"conv": {"kind": "io"}}}, "no tile that can hold population 'conv'"),
        ({"place": {"in": {"kind": "npu"}}}, "its tiles are of kind io"),
        ({"place": {"conv": {"chiplet": "die9"}}}, "on chiplets die0, die1, die2"),
        ({"place": {"conv": {"colour": "red"}}}, "unknown key colour"),
        ({"split": {"con": "rows"}}, "split.con: there is no population 'con'"),
        ({"split": {"conv": "diagonal"}}, "expected one of auto, channels, rows"),
        ({"split": {"readout": "rows"}}, "needs a population of shape [C, H, W]"),
    ],
)
def test_unknown_names_are_said(options, message):
    assert message in problems(**options)


def test_all_faults_of_place_are_said_at_once():
    text = problems(place={"x": {"kind": "npu"}, "conv": {"kind": "y"}, "readout": {"kind": "z"}})
    assert len(text.splitlines()) == 3


def test_precision_is_the_least_of_the_tiles_that_hold_a_projection():
    places = {
        "conv": {"kind": "npu"},
        "rec*": {"kind": "neurocore"},
        "readout": {"kind": "crossbar"},
    }
    core, fine = neurocore(neurons=15, weight_bits=6), neurocore(neurons=15, weight_bits=9)
    mixed = package(die(io(), npu()), die(core, fine), die(crossbar()))
    mapping = map_network(net(), mixed, place=places)
    assert mapping.weight_bits() == {
        "in_conv": 8, "conv_recurrent": 6, "recurrent_readout": 4,
    }  # fmt: skip


def test_lowered_network_has_as_many_values_as_its_tiles_can_represent():
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((5, 20)).astype(np.float32)
    base = net()
    given = network(
        *base.populations,
        *base.projections[:2],
        edge("recurrent", "readout", type(base.projections[1].connection)(weight)),
    )
    mapping = map_network(given, hardware(), place={"readout": {"kind": "crossbar"}})
    low = mapping.lowered().projections[2].connection.weight
    assert np.unique(low).size <= 2**4
    assert mapping.network.projections[2].connection.weight is weight


def test_the_table_of_blocks_is_made_once():
    mapping = map_network(net(), hardware())
    assert mapping.fan_out is mapping.fan_out
    tiles = [part.tile for part in mapping.slices]
    assert mapping.moved(tiles, tiles).fan_out is mapping.fan_out


def test_every_neuron_is_in_one_slice():
    mapping = map_network(net(), hardware())
    owner = mapping.neuron_slice()
    sizes = np.bincount(owner, minlength=len(mapping.slices))
    assert owner.min() == 0
    assert sizes.tolist() == [part.size for part in mapping.slices]
