"""Rows priced for what is in use alone have the price of all."""

from dataclasses import replace

import numpy as np
import pytest
from cost_cases import mixed_network, mixed_package, random_activity, random_mapping

import chipletsim as cs
from chipletsim.cost import in_use
from chipletsim.cost.incidence import traffic_model
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection

LOIHI = "packages/loihi1"


def everything(result: cs.Result) -> dict:
    return {
        "events": result.events,
        "energy": str(result.energy),
        "latency": str(result.latency),
        "latency_s": result.latency_s.tolist(),
        "link loads": result.link_load_bits.tolist(),
        "bins": result.hardware_steps_per_bin,
        **{
            name: getattr(result, name).to_dict()
            for name in ("links", "tiles", "layers", "per_step")
        },
    }


def few_neurons() -> Network:
    weights = np.ones((30, 40), np.float32)
    return Network(
        "few",
        (Population("in", (40,), "input"), Population("out", (30,), "if", output=True)),
        (Projection("w", "in", "out", Dense(weights)),),
        1e-3,
    )


def cases():
    for seed in range(2):
        network = mixed_network()
        yield random_mapping(network, mixed_package((True, seed % 2 == 0)), seed)
    # 128 cores, of which two are used, and the io tile.
    yield cs.map_network(few_neurons(), cs.load_package(LOIHI))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("kernels", "number"),
    [
        ("native", 0),
        ("native", 2),
        ("xla", 0),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (("native", 1), ("xla", 1), ("xla", 2))
        ),
    ],
    indirect=["kernels"],
)
@pytest.mark.parametrize("rate", [0.0, 0.2])
def test_what_is_idle_changes_no_price(monkeypatch, number, rate):
    mapping = list(cases())[number]
    activity = random_activity(mapping.network, 2, 3, rate, number)
    prices = []
    for sizes in (lambda size: size, lambda size: 10**6, in_use.rounded_up):
        monkeypatch.setattr(in_use, "rounded_up", sizes)
        prices.append(everything(cs.price(activity, mapping)))
    assert prices[0] == prices[1] == prices[2]


def test_little_is_kept_of_a_package_of_which_little_is_used():
    full = traffic_model(list(cases())[2])
    used = in_use.in_use(full)
    busy = {tile for part in full.mapping.slices for tile in (part.tile,)}
    assert busy <= set(used.tiles.tolist())
    assert used.tiles.size <= 2 * 8 < full.incidence.sizes.tiles
    assert used.model(full).incidence.sizes.direct[1] < full.incidence.sizes.direct[1]
    kinds = used.model(full).incidence.kinds
    assert sum(members.size for members in kinds.values()) == used.tiles.size


def test_mappings_that_use_other_tiles_have_the_same_sizes():
    mapping, sizes = cs.map_network(few_neurons(), cs.load_package(LOIHI)), set()
    inputs, outputs = mapping.slices
    for core in (1, 6, 12, 40):
        moved = replace(mapping, slices=(inputs, replace(outputs, tile=core, weight_tile=core)))
        model = traffic_model(moved)
        narrow = in_use.in_use(model).model(model).incidence
        sizes.add((narrow.sizes, *(members.shape for members in narrow.kinds.values())))
    assert len(sizes) == 1
