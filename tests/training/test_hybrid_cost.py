"""The differentiable cost of dense and spiking layers is the price of their events."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chipletsim as cs
from chipletsim.engine.simulate import simulate
from chipletsim.training.mapped_cost import mapped_cost
from tests.cost.cost_cases import NPU, mixed_package, random_mapping
from tests.engine.test_hybrid import CASES, images

pytestmark = pytest.mark.usefixtures("quick_programs")

EVENTS = {"kind": "address_events", "address": "8 bit"}


@pytest.mark.parametrize(
    ("hardware", "spikes", "values"),
    [(True, None, None), (False, EVENTS, "dense")],
)
def test_the_mapped_cost_is_the_price(hardware, spikes, values):
    encoding = {"spikes": spikes} if spikes else {}
    encoding |= {"values": {"kind": values, "width": "12 bit"}} if values else {}
    converter = {"energy_per_encoder_update": "1 pJ/op", "energy_per_decoder_add": "0.5 pJ/op"}
    given = {"encoding": encoding} if encoding else {}
    package = mixed_package(npu=NPU | converter if hardware else NPU, frame=None, **given)
    network, inputs = CASES["loop"], images(4, 8)
    mapping = random_mapping(network, package, 3)
    activity = simulate(network, inputs, mapping=mapping)
    result = cs.price(activity, mapping)
    events = {
        each.name: jnp.asarray(
            np.moveaxis(activity.values.get(each.name, activity.spikes(each.name)), 1, 0), float
        )
        for each in network.populations
    }
    with jax.enable_x64(True):
        terms = jax.jit(mapped_cost(mapping).terms)(
            {name: jnp.asarray(np.asarray(each), jnp.float64) for name, each in events.items()}
        )
    between = np.array([link.between_dies for link in package.links], bool)
    bits = np.asarray(result.links["bits"])[between] / 4
    np.testing.assert_allclose(terms.link_bits, bits, rtol=1e-9)
    assert float(terms.die_to_die_bits) == pytest.approx(bits.sum(), rel=1e-9, abs=0)
    if not encoding:  # a coded link ends in whole flits, which the training pass leaves out
        dynamic_j = result.energy.dynamic_j / 4
        assert float(terms.energy_j) == pytest.approx(dynamic_j, rel=1e-9, abs=0)
