"""Costs of the claim: those of whole deployments, and sizes by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("benchmarks", reason="benchmarks are run from the root of the repository")
import chipletsim as cs
from benchmarks.talk.amounts import amounts_of, package_of, plan_of
from benchmarks.talk.costs import Versions, masked_bits
from benchmarks.talk.limits import dominated, limits, pass_through
from benchmarks.talk.prices import LINKS, LOIHI, ideal_core, prices_of, with_link
from chipletsim.codecs import AddressEvents, Bitmap, RiceGaps, SpikeCounts
from chipletsim.codecs.conversion import Conversion
from chipletsim.models.resnet import RESNET_SIZES, resnet
from chipletsim.models.rwkv import RwkvSize, rwkv

pytestmark = pytest.mark.usefixtures("quick_programs")

STEPS, RATE = 4, 0.05
CODECS = {
    "packet per event": None,
    "packed events": AddressEvents,
    "bitmap": Bitmap,
    "Rice gaps": RiceGaps,
    "counts": SpikeCounts,
}
SMALL = {
    "resnet": lambda: resnet(RESNET_SIZES["resnet18"], image=32, name="small"),
    "rwkv": lambda: rwkv(RwkvSize(3, 48, 96, vocab=100)),
}


def same(cost, deployed) -> None:
    assert cost.energy_j == pytest.approx(deployed.energy_per_inference_j, rel=1e-9, abs=0)
    assert cost.latency_s == pytest.approx(deployed.latency_s, rel=1e-9, abs=0)


@pytest.mark.parametrize("link", ["UCIe standard", "slow serial"])
@pytest.mark.parametrize(("model", "spread"), [("resnet", False), ("rwkv", False), ("rwkv", True)])
def test_costs_are_those_of_a_deployment(model, spread, link) -> None:
    made, package = SMALL[model](), package_of(4, LINKS[link])
    prices = with_link(prices_of(package), link)
    versions = Versions(amounts_of(made, package, spread=spread), prices)

    def deployed(on, **choices):
        return cs.deploy(made, on, plan_of(made, on, spread=spread, **choices))

    same(versions.dense(8.0), deployed(package, activations="dense", activation_bits=8))
    conversion = Conversion(
        energy_per_update=f"{prices.encode_j!r} J/op", energy_per_add=f"{prices.decode_j!r} J/op"
    )
    for encoding, codec in CODECS.items():
        address = {"address": f"{versions.address_bits} bit"} if codec is AddressEvents else {}
        found = deployed(
            package,
            activations="hybrid",
            steps=STEPS,
            rate=RATE,
            conversion=conversion,
            activation_bits=16,
            spike_codec=codec(**address) if codec else None,
            batched_steps=encoding == "counts",
        )
        same(versions.hybrid(STEPS, RATE, encoding, 16.0), found)
    spiking = {"activations": "spiking", "steps": STEPS, "rate": RATE}
    found = deployed(package, **spiking, spike_codec=Bitmap())
    same(versions.spiking_on_dense_cores(STEPS, RATE, "bitmap"), found)
    for core in (ideal_core(prices), LOIHI):
        event_driven = package_of(4, LINKS[link], tile=core.tile(prices))
        same(versions.spiking(STEPS, RATE, "packet per event", core),
             deployed(event_driven, **spiking))  # fmt: skip


def test_other_prices_are_those_of_another_package() -> None:
    """Bars of the tornado lay other prices over the same amounts; so does another file."""
    made = SMALL["resnet"]()
    package = package_of(2, "ucie_standard")
    prices = prices_of(package)
    changed = replace(prices, mac_j=2 * prices.mac_j, clock_hz=prices.clock_hz / 2, static_w=0.0)
    changed = changed.on_chip(bandwidth_bit_per_s=32e9)
    versions = Versions(amounts_of(made, package), changed)
    tile = "chiplet_types.die.tiles.0.tile"
    from benchmarks.talk.amounts import PACKAGE_FILE

    other = cs.load_package(
        PACKAGE_FILE,
        {
            f"{tile}.energy_per_mac": "0.2 pJ/op",
            f"{tile}.clock": "350 MHz",
            f"{tile}.static_power": "0 W",
            "chiplet_types.die.network.link.bandwidth": "32 Gb/s",
        },
    )
    same(versions.dense(8.0), cs.deploy(made, other, plan_of(made, other, activations="dense")))


def test_values_over_one_boundary_by_hand() -> None:
    """65,536 values of 8 bits at 250 pJ/bit and 8 Gb/s: 131.072 uJ and 65.536 us.

    All sixteen cores of a die send over the one link; nothing else costs anything.
    """
    package = package_of(2, "ucie_standard")
    prices = dominated(with_link(prices_of(package), "slow serial"))
    versions = Versions(amounts_of(pass_through(), package), prices)
    dense = versions.dense(8.0)
    assert dense.energy_j == pytest.approx(65536 * 8 * 250e-12, rel=1e-9, abs=0)
    assert dense.latency_s == pytest.approx(65536 * 8 / 8e9, rel=1e-6, abs=0)
    assert versions.address_bits == 12


@pytest.mark.parametrize(("steps", "bits"), [(1, 1), (4, 3), (8, 4), (16, 5)])
def test_dense_movement_limit(steps: int, bits: int) -> None:
    """A bit for each step against the fair width: T / ceil(log2(T + 1)), whatever the rate."""
    package = package_of(2, "ucie_standard")
    prices = dominated(with_link(prices_of(package), "slow serial"))
    versions = Versions(amounts_of(pass_through(), package), prices)
    dense, hybrid = versions.dense(float(bits)), versions.hybrid(steps, 0.3, "bitmap", 8.0)
    assert hybrid.energy_j / dense.energy_j == pytest.approx(steps / bits, rel=1e-9, abs=0)
    assert hybrid.latency_s / dense.latency_s == pytest.approx(steps / bits, rel=1e-6, abs=0)
    counted = versions.hybrid(steps, 0.3, "counts", 8.0)
    assert counted.energy_j == pytest.approx(dense.energy_j, rel=1e-9, abs=0)


def test_conditions_of_the_headline() -> None:
    """s = 0.19 and 0.066 for packets, 0.126 and 0.044 for 8 bits against 12: 5.3x and 15.2x.

    A core's events of a step fill whole flits of 32 bits, so up to 31 of 540 bits are padding.
    """
    found = limits()
    assert [each.expected for each in found] == pytest.approx(
        [1 / 0.19, 1 / 0.066, 8 / (12 * 0.126), 8 / (12 * 0.044)]
    )
    for each, claimed in zip(found, (5.3, 15.2, 5.3, 15.2), strict=True):
        assert each.energy == pytest.approx(each.expected, rel=0.03, abs=0)
        assert each.latency == pytest.approx(each.expected, rel=0.03)
        assert each.energy == pytest.approx(claimed, rel=0.03, abs=0)


def test_zeros_are_masked_where_that_saves_bits() -> None:
    assert masked_bits(8, 0.75) == 1 + 0.25 * 8
    assert masked_bits(3, 0.1) == 3.0
    assert masked_bits(1, 0.9) == 1.0
