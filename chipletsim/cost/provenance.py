"""Where a result comes from, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import jax

from chipletsim.mapping.model import Mapping
from chipletsim.mapping.store import mapping_hash, package_fingerprint
from chipletsim.package.model import Package

_ALWAYS = (
    "area and cost of dies",
    "host and supply losses",
    "loading of weights before the first inference",
    "credits, acknowledgements and retransmission on links",
)


def provenance(
    mapping: Mapping, packages: Sequence[Package], network: str, sources: list[str]
) -> list[dict[str, Any]]:
    """Return what the figures on each package depend on.

    Args:
        mapping: The mapping that was priced.
        packages: The packages it was priced on.
        network: Fingerprint of the lowered network.
        sources: Fingerprints of the inputs.
    """
    shared = {
        "chipletsim_version": version("chipletsim"),
        "jax_version": jax.__version__,
        "platform": jax.default_backend(),
        "network": mapping.network.name,
        "network_fingerprint": network,
        "inputs_fingerprints": list(sources),
        "mapping_hash": mapping_hash(mapping),
        "mapping_strategy": mapping.strategy,
        "mapping_seed": mapping.seed,
    }
    return [
        {**shared, "package": each.name, "package_fingerprint": package_fingerprint(each)}
        for each in packages
    ]


def not_modelled(package: Package, timing: str) -> tuple[str, ...]:
    """Return what the figures leave out, in words.

    Constants that a package does not state count as left out, not as free.
    """
    links = [link.spec for link in package.links]
    routers = [router.spec for router in package.routers]
    static = [
        package.spec.static_power_w,
        *(chiplet.static_power_w for chiplet in package.chiplets),
        *(tile.parameters.static_power_w for tile in package.tiles),
        *(spec.static_power_w for spec in links),
        *(spec.static_power_w for spec in routers),
    ]
    absent = {
        "static power (the package states none)": static,
        "energy of routers (the package states none)": [
            spec.energy_j_per_packet + spec.energy_j_per_bit for spec in routers
        ],
        "energy of links (the package states none)": [
            spec.energy_j_per_packet + spec.energy_j_per_bit for spec in links
        ],
        "time of the barrier (the package states none)": [package.spec.barrier_s],
    }
    unstated = tuple(what for what, values in absent.items() if values and not any(values))
    contention = ("contention between packets (timing `bound`)",) if timing == "bound" else ()
    return (*unstated, *contention, *_ALWAYS)
