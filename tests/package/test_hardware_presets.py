"""Shipped hardware: everything loads, builds, and says where its numbers are from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from chipletsim.package.facts import package_facts
from chipletsim.package.load import load_package
from chipletsim.spec.load import load_spec
from chipletsim.spec.package import LinkSpec, RouterSpec
from chipletsim.tiles import TileSpec
from chipletsim.units import parse_quantity

CONFIGS = Path(__file__).parents[2] / "configs"
REFERENCES = Path(__file__).parents[3] / "shared" / "references" / "talk" / "constants.yaml"
MODELS = {"tiles": TileSpec, "links": LinkSpec, "routers": RouterSpec}
PARTS = sorted(
    path.relative_to(CONFIGS).with_suffix("").as_posix()
    for folder in MODELS
    for path in (CONFIGS / folder).glob("*.yaml")
)
PACKAGES = sorted(path.stem for path in (CONFIGS / "packages").glob("*.yaml"))


def constants(node: Any, path: str = "") -> dict[str, Any]:
    """Return every value below a section by its path; constants with a source whole."""
    if isinstance(node, dict) and "value" not in node:
        found: dict[str, Any] = {}
        for key, child in node.items():
            found |= constants(child, f"{path}.{key}".lstrip("."))
        return found
    return {path: node}


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((CONFIGS / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", PARTS)
def test_part_loads(name: str) -> None:
    assert load_spec(CONFIGS / f"{name}.yaml", MODELS[name.split("/", maxsplit=1)[0]]).spec


@pytest.mark.parametrize("name", PARTS)
def test_every_constant_has_a_source(name: str) -> None:
    assert (CONFIGS / f"{name}.yaml").read_text().startswith("# ")
    for path, entry in constants(read(name)).items():
        if path.rpartition(".")[2] in {"kind", "use"}:
            continue
        assert set(entry) == {"value", "source", "year", "provenance"}, path
        assert entry["provenance"] in {"read", "recalled", "assumption"}, path
        assumed = entry["source"].startswith("assumption: ")
        assert assumed == (entry["provenance"] == "assumption"), path
        assert 1990 < entry["year"] < 2030, path


# Preset and key, reference entry, and what one of the entry's units is in SI.
REFERENCE = [
    ("tiles/loihi1", "energy_per_synaptic_op", "loihi_synop_energy", "J/op", 1e-12),
    ("tiles/loihi1", "time_per_synaptic_op", "loihi_synop_time", "s/op", 1e-9),
    ("tiles/loihi1", "energy_per_neuron_update", "loihi_neuron_active_energy", "J/op", 1e-12),
    ("tiles/loihi1", "time_per_neuron_update", "loihi_neuron_active_time", "s/op", 1e-9),
    ("tiles/loihi1", "energy_per_message", "loihi_spike_in_tile_energy", "J/packet", 1e-12),
    ("links/loihi1_east_west", "energy_per_packet", "loihi_hop_ew_energy", "J/packet", 1e-12),
    ("links/loihi1_east_west", "latency", "loihi_hop_ew_latency", "s", 1e-9),
    ("links/loihi1_north_south", "energy_per_packet", "loihi_hop_ns_energy", "J/packet", 1e-12),
    ("links/loihi1_north_south", "latency", "loihi_hop_ns_latency", "s", 1e-9),
    ("links/truenorth_hop", "energy_per_packet", "truenorth_hop_energy", "J/packet", 1e-12),
    ("tiles/hbm2", "energy_per_bit", "hbm2_energy", "J/bit", 1e-12),
    ("tiles/hbm3", "bandwidth", "hbm3_bw", "bit/s", 8),
    ("tiles/isaac_crossbar", "energy_per_conversion", "isaac_adc_energy", "J/op", 1e-12),
    ("links/noc_64b", "energy_per_bit", "noxim_link_bit_1mm", "J/bit", 1e-12),
    ("links/ucie_standard", "energy_per_bit", "ucie_std_energy_07v", "J/bit", 1e-12),
    ("links/ucie_standard", "latency", "ucie_latency", "s", 1e-9),
    ("links/aib", "energy_per_bit", "aib1_energy", "J/bit", 1e-12),
    ("links/serdes_off_package", "energy_per_bit", "pcie5_phy_energy", "J/bit", 1e-12),
]


@pytest.fixture(scope="module")
def entries() -> dict[str, dict[str, Any]]:
    if not REFERENCES.exists():
        pytest.skip("the reference constants are not beside this checkout")
    return {item["id"]: item for item in yaml.safe_load(REFERENCES.read_text())}


@pytest.mark.parametrize(("name", "key", "entry", "unit", "scale"), REFERENCE)
def test_constant_equals_its_reference(
    name: str, key: str, entry: str, unit: str, scale: float, entries: dict[str, dict[str, Any]]
) -> None:
    value = parse_quantity(read(name)[key]["value"], unit)
    assert value == pytest.approx(entries[entry]["value"] * scale, rel=1e-12, abs=0)


def test_loihi_unloaded_latency_and_energy_of_a_route() -> None:
    """4.1 x + 6.5 y ns and 3.0 x + 4.0 y pJ over x and y hops, besides the flits."""
    package = load_package("packages/loihi1")
    route = [package.links[link].spec for link in package.route(0, len(package.routers) - 1)]
    assert sum(spec.latency_s for spec in route) == pytest.approx(7 * 4.1e-9 + 3 * 6.5e-9)
    assert sum(spec.energy_j_per_packet for spec in route) == pytest.approx(
        7 * 3e-12 + 3 * 4e-12, rel=1e-9, abs=0
    )
    assert route[0].bandwidth_bit_per_s / route[0].flit_bits == pytest.approx(3.44e9)


@pytest.mark.parametrize("name", PACKAGES)
def test_package_builds_and_takes_input(name: str) -> None:
    package = load_package(CONFIGS / "packages" / f"{name}.yaml")
    assert any(tile.parameters.holds_inputs for tile in package.tiles)
    assert package.name == name


def test_four_dies_are_heterogeneous() -> None:
    package = load_package("packages/four_dies")
    assert {tile.kind for tile in package.tiles} == {"io", "memory", "npu", "neurocore", "crossbar"}
    assert len({chiplet.type for chiplet in package.chiplets}) == 3
    assert sum(link.between_dies for link in package.links) == 2 * 2 * 4


def test_sixty_four_chiplets_hold_a_hundred_thousand_neurons() -> None:
    facts = package_facts(load_package("packages/sixty_four_chiplets"))
    cores = next(kind for kind in facts.kinds if kind.kind == "neurocore")
    assert facts.chiplets == 64
    assert cores.neurons >= 100_000
    assert cores.synaptic_memory_bits >= 20_000_000 * 8


@pytest.mark.parametrize("name", PACKAGES)
def test_barrier_of_a_package_has_a_source(name: str) -> None:
    given = read(f"packages/{name}")["barrier"]
    for barrier in [given] if "value" in given else given.values():
        assert set(barrier) == {"value", "source", "year", "provenance"}
        assumed = barrier["source"].startswith("assumption: ")
        assert assumed == (barrier["provenance"] == "assumption")
