"""Shipped links: their numbers against the table of constants, and against one another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from chipletsim.errors import ConfigError
from chipletsim.package.facts import framing
from chipletsim.spec.link_layer import SleepSpec
from chipletsim.spec.load import load_spec
from chipletsim.spec.package import LinkSpec

LINKS = Path(__file__).parents[2] / "configs" / "links"
CONSTANTS = Path(__file__).parents[3] / "shared" / "references" / "talk" / "constants.yaml"
NAMES = sorted(path.stem for path in LINKS.glob("*.yaml"))
UCIE = [name for name in NAMES if re.fullmatch(r"ucie_\d_\d_.*", name)]


def link(name: str) -> LinkSpec:
    return load_spec(LINKS / f"{name}.yaml", LinkSpec).spec


@pytest.fixture(scope="module")
def constants() -> dict[str, dict[str, Any]]:
    if not CONSTANTS.exists():
        pytest.skip("the reference constants are not beside this checkout")
    return {item["id"]: item for item in yaml.safe_load(CONSTANTS.read_text())}


def test_there_is_every_family() -> None:
    families = {
        *(
            f"ucie_1_1_{package}_{rate}g"
            for package in ("standard", "advanced")
            for rate in (16, 32)
        ),
        *(
            f"ucie_2_0_{package}_{rate}g"
            for package in ("standard", "advanced")
            for rate in (16, 32)
        ),
        *(
            f"ucie_3_0_{package}_{rate}g"
            for package in ("standard", "advanced")
            for rate in (48, 64)
        ),
        *("ucie_standard", "ucie_advanced", "bow", "aib", "serdes_off_package"),
        *("bow_2_0_terminated", "bow_2_0_unterminated", "aib_1_0", "aib_2_0", "nvlink_c2c"),
        *("cei_112g_xsr", "serdes_112g_lr", "cpo_nvidia", "cpo_broadcom"),
    }
    assert families <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_bandwidth_is_that_of_the_lanes_in_its_source(name: str) -> None:
    entry = yaml.safe_load((LINKS / f"{name}.yaml").read_text()).get("bandwidth")
    lanes = r"(\d+) (?:data )?(?:lanes?|wires)\b.*? at ([\d.]+) G(?:T/s|b/s|Hz)"
    found = re.search(lanes, entry["source"]) if entry else None
    if found is None:
        assert entry is None or name.startswith(("loihi", "truenorth", "serdes_off")), name
        return
    assert link(name).bandwidth_bit_per_s == pytest.approx(int(found[1]) * float(found[2]) * 1e9)


# Beginning of the name of a preset, and the entry in whose range its energy lies.
ENERGIES = [
    (r"ucie_\d_\d_standard_|ucie_standard", "ucie_std_energy_07v"),
    (r"ucie_\d_\d_advanced_|ucie_advanced", "ucie_adv_energy_07v"),
    (r"bow$|bow_2_0_terminated", "bow_energy_terminated"),
    (r"bow_2_0_unterminated", "bow_energy_unterminated"),
    (r"aib$|aib_1_0", "aib1_energy"),
    (r"aib_2_0", "aib2_energy"),
    (r"nvlink_c2c", "nvlink_c2c_energy"),
    (r"cei_112g_xsr", "xsr_energy"),
    (r"serdes_112g_lr", "serdes112_lr_energy"),
    (r"serdes_off_package", "pcie5_phy_energy"),
    (r"cpo_nvidia", "cpo_energy_nvidia"),
    (r"cpo_broadcom", "cpo_energy_broadcom"),
]


@pytest.mark.parametrize("name", NAMES)
def test_energy_is_in_the_range_of_its_entry(name: str, constants: dict[str, Any]) -> None:
    entries = [entry for pattern, entry in ENERGIES if re.match(pattern, name)]
    if not entries:
        assert name.startswith(("loihi", "truenorth", "noc")), f"{name} has no entry"
        return
    (entry,) = (constants[each] for each in entries)
    assert entry["unit"] == "pJ/bit"
    low, high = (
        entry[end] if entry[end] is not None else entry["value"] for end in ("low", "high")
    )
    assert low * 0.999 <= link(name).energy_j_per_bit / 1e-12 <= high * 1.001


@pytest.mark.parametrize("package", ["standard", "advanced"])
def test_rates_of_ucie_give_the_bandwidth_of_the_die_edge(
    package: str, constants: dict[str, Any]
) -> None:
    """A module has its bandwidth in both directions; its edge is the same at every rate.

    Modules are 0.3888 mm (x64, 45 um pitch) and 0.5715 mm (x16, 110 um pitch) wide.
    """
    short = {"standard": "std", "advanced": "adv"}[package]
    dense = constants[f"ucie_{short}_shoreline"]["value"]  # GB/s/mm at 32 GT/s, both directions
    width_mm = {"standard": 0.5715, "advanced": 0.3888}[package]
    for rate in (16, 32):
        both_gb_per_s = 2 * link(f"ucie_2_0_{package}_{rate}g").bandwidth_bit_per_s / 8e9
        assert both_gb_per_s / width_mm == pytest.approx(dense * rate / 32, rel=0.01)
    module = constants[f"ucie_{short}_module_bw"]["value"]
    assert link(f"ucie_1_1_{package}_32g").bandwidth_bit_per_s / 8 == pytest.approx(module)
    fastest = link(f"ucie_3_0_{package}_64g").bandwidth_bit_per_s
    assert fastest / constants[f"ucie_{short}_lanes"]["value"] == pytest.approx(
        constants["ucie3_rates"]["value"] * 1e9
    )


def test_edges_differ_as_bandwidths_do(constants: dict[str, Any]) -> None:
    """Modules and channels are of like width, so the die edge grows as their bandwidth."""
    edges = {"aib_1_0": "aib1", "aib_2_0": "aib2", "ucie_2_0_advanced_32g": "ucie_adv"}
    widths_mm = [
        link(name).bandwidth_bit_per_s / 8e9 / constants[f"{edge}_shoreline"]["value"]
        for name, edge in edges.items()
    ]
    assert max(widths_mm) / min(widths_mm) < 3


@pytest.mark.parametrize("name", UCIE)
def test_formats_of_ucie(name: str, constants: dict[str, Any]) -> None:
    spec = link(name)
    if name.endswith("raw"):
        assert spec.frame is None
        assert spec.retry is None
        return
    kind = "optimised" if name.endswith("optimised") else name[5:8]
    entry = {"1_1": "ucie_flit68_payload", "optimised": "ucie_flit256_payload_opt"}.get(
        kind, "ucie_flit256_payload_std"
    )
    assert spec.frame is not None
    assert spec.frame.payload_bits == 8 * constants[entry]["value"]
    said = float(re.search(r"([\d.]+) %", constants[entry]["conditions"])[1])
    assert 100 * spec.frame.payload_bits / spec.frame.total_bits == pytest.approx(said, abs=0.06)
    assert spec.retry is not None
    # The entry of UCIe 3.0 says 1e-15 at 48 and 1e-12 at 64 GT/s in words.
    rate = 1e-12 if name.endswith("64g") else constants["ucie_ber"]["value"]
    assert spec.retry.bit_error_rate == rate
    assert spec.transmissions == pytest.approx(1 + rate * spec.frame.total_bits, abs=1e-15)


def test_energy_grows_with_distance() -> None:
    order = ["noc_64b", "ucie_2_0_advanced_32g", "cei_112g_xsr", "serdes_112g_lr"]
    energies = [link(name).energy_j_per_bit for name in (*order, "serdes_off_package")]
    assert energies == sorted(energies)


def test_framing_in_words() -> None:
    assert framing(link("cei_112g_xsr")) == "250 B in 256 B, bit error rate 1e-09"
    assert framing(link("serdes_112g_lr")) == "5140 bit in 680 B"
    assert not framing(link("nvlink_c2c"))
    sleep = {"after": "5 ns", "wake_up": "1 ns", "power": "0 W"}
    assert framing(link("aib").model_copy(update={"sleep": SleepSpec(**sleep)})) == (
        "asleep after 5 ns"
    )


def test_aliases_are_the_links_they_name() -> None:
    assert link("bow_2_0_terminated") == link("bow")
    assert link("aib_1_0") == link("aib")


def test_a_preset_without_its_frame_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("use: links/ucie_2_0_standard_16g\nframe: null\n")
    with pytest.raises(ConfigError, match="`retry` sends frames again, so it needs a `frame`"):
        load_spec(file, LinkSpec)
