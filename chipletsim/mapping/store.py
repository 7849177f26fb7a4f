"""Mappings in files: what ran is what is written, and what is read is what runs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import Field

from chipletsim.errors import ConfigError, Problem
from chipletsim.mapping.capacity import check
from chipletsim.mapping.model import Mapping, Slice
from chipletsim.mapping.units import check_units
from chipletsim.network.fingerprint import fingerprint
from chipletsim.network.model import Network
from chipletsim.package.model import Package
from chipletsim.spec.base import Spec
from chipletsim.spec.load import load_spec
from chipletsim.whole_files import whole_file


class OriginSpec(Spec):
    """Which network or package a mapping is for."""

    name: str
    fingerprint: str


class SliceSpec(Spec):
    """A slice, with names instead of indices."""

    population: str
    box: tuple[tuple[int, int], ...]
    tile: str
    weight_tile: str | None = Field(None, description="the tile itself if left out")
    unit: str = Field("", description="soma unit; the tile's first if left out")


class MappingFileSpec(Spec):
    """A mapping file."""

    hash: str | None = Field(None, description="of the mapping; left out in one edited by hand")
    network: OriginSpec
    package: OriginSpec
    strategy: str
    seed: int
    rates: str
    synapse_units: dict[str, str] = Field({}, description="synapse unit of projections")
    synapse_ranks: dict[str, tuple[int, ...]] = Field(
        {}, description="order in which messages serve the synapses of each projection"
    )
    slices: tuple[SliceSpec, ...]


def mapping_hash(mapping: Mapping) -> str:
    """Return a hash of all that a mapping decides: network, package, boxes, tiles and units."""
    units = [each for each in (mapping.synapse_units, _ranks(mapping)) if each]
    slices = [
        part.model_dump(exclude=set() if part.unit else {"unit"}) for part in _slice_specs(mapping)
    ]
    content = [fingerprint(mapping.network), package_fingerprint(mapping.package), slices, *units]
    return _digest(content)


def package_fingerprint(package: Package) -> str:
    """Return a hash of what a mapping depends on: names, kinds and capacities of tiles.

    Energies and delays are left out, so that one mapping can be priced under many.
    """
    tiles = [
        [tile.name, tile.kind, package.chiplets[tile.chiplet].name]
        + [getattr(tile.parameters, name) for name in tile.parameters.capacities]
        for tile in package.tiles
    ]
    return _digest(tiles)


def save_mapping(mapping: Mapping, path: str | Path) -> None:
    """Write a mapping to a YAML file.

    Args:
        mapping: The mapping.
        path: File to write.

    Raises:
        UsageError: It cannot be written.
    """
    network, package = mapping.network, mapping.package
    content = {
        "hash": mapping_hash(mapping),
        "network": {"name": network.name, "fingerprint": fingerprint(network)},
        "package": {"name": package.name, "fingerprint": package_fingerprint(package)},
        "strategy": mapping.strategy,
        "seed": mapping.seed,
        "rates": mapping.rates,
        **({"synapse_units": mapping.synapse_units} if mapping.synapse_units else {}),
        **({"synapse_ranks": _ranks(mapping)} if mapping.synapse_ranks else {}),
        "slices": [
            json.loads(part.model_dump_json(exclude_none=True, exclude_defaults=True))
            for part in _slice_specs(mapping)
        ],
    }
    text = yaml.dump(content, Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=100)
    with whole_file(Path(path)) as part:
        part.write_text(text, encoding="utf-8")


def load_mapping(path: str | Path, network: Network, package: Package) -> Mapping:
    """Return the mapping kept in a file.

    Args:
        path: File that `save_mapping` wrote; without its ``hash`` it may be edited.
        network: The network it was made for.
        package: The package, with the tiles it was made for.

    Raises:
        ConfigError: The file is not a mapping, is for another network or package, or was
            changed.
        InfeasibleError: It exceeds a capacity.
    """
    loaded = load_spec(Path(path), MappingFileSpec)
    spec = loaded.spec
    problems = _origin_problems(spec, network, package) or _name_problems(spec, network, package)
    if not problems:
        problems = _cover_problems(spec, network)
    if problems:
        raise loaded.locate(ConfigError(problems))
    tiles = {tile.name: index for index, tile in enumerate(package.tiles)}
    slices = tuple(
        Slice(
            network.index[part.population],
            part.box,
            tiles[part.tile],
            tiles[part.weight_tile or part.tile],
            part.unit,
        )
        for part in spec.slices
    )
    mapping = Mapping(
        network,
        package,
        slices,
        spec.strategy,
        spec.seed,
        spec.rates,
        synapse_units=spec.synapse_units,
        synapse_ranks={name: np.array(each, np.int64) for name, each in spec.synapse_ranks.items()},
    )
    if spec.hash is not None and spec.hash != mapping_hash(mapping):
        message = "its slices are not those that were saved; remove `hash` to use an edited mapping"
        raise loaded.locate(ConfigError([Problem(message, "hash")]))
    try:
        check_units(mapping)
    except ConfigError as error:
        raise loaded.locate(error) from None
    check(mapping)
    return mapping


def _ranks(mapping: Mapping) -> dict[str, list[int]]:
    return {name: ranks.tolist() for name, ranks in mapping.synapse_ranks.items()}


class _Dumper(yaml.SafeDumper):
    """Never writes aliases, which are harder to read than the value again."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _slice_specs(mapping: Mapping) -> list[SliceSpec]:
    tiles = mapping.package.tiles
    return [
        SliceSpec(
            population=mapping.network.populations[part.population].name,
            box=part.box,
            tile=tiles[part.tile].name,
            weight_tile=tiles[part.weight_tile].name if part.weight_tile != part.tile else None,
            unit=part.unit,
        )
        for part in mapping.slices
    ]


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _origin_problems(spec: MappingFileSpec, network: Network, package: Package) -> list[Problem]:
    origins = (
        ("network", spec.network, network.name, fingerprint(network)),
        ("package", spec.package, package.name, package_fingerprint(package)),
    )
    return [
        Problem(
            f"the mapping is for another {what}: it was made for {origin.name!r} with "
            f"fingerprint {origin.fingerprint[:12]}, this is {name!r} with {found[:12]}",
            f"{what}.fingerprint",
        )
        for what, origin, name, found in origins
        if origin.fingerprint != found
    ]


def _name_problems(spec: MappingFileSpec, network: Network, package: Package) -> list[Problem]:
    tiles = {tile.name for tile in package.tiles}
    problems = []
    for number, part in enumerate(spec.slices):
        path = f"slices.{number}"
        for key, name in (("tile", part.tile), ("weight_tile", part.weight_tile)):
            if name is not None and name not in tiles:
                problems.append(Problem(f"there is no tile {name!r}", f"{path}.{key}"))
        if part.population not in network.index:
            message = f"there is no population {part.population!r}"
            problems.append(Problem(message, f"{path}.population"))
        elif not _inside(part.box, network.population(part.population).shape):
            shape = list(network.population(part.population).shape)
            problems.append(Problem(f"the box is not within the shape {shape}", f"{path}.box"))
    return problems


def _inside(box: tuple[tuple[int, int], ...], shape: tuple[int, ...]) -> bool:
    return len(box) == len(shape) and all(
        0 <= start < stop <= length for (start, stop), length in zip(box, shape, strict=True)
    )


def _cover_problems(spec: MappingFileSpec, network: Network) -> list[Problem]:
    """Return a problem for each population that the slices do not partition."""
    problems = []
    for population in network.populations:
        held = np.zeros(population.shape, np.int64)
        for part in spec.slices:
            if part.population == population.name:
                held[tuple(slice(*bounds) for bounds in part.box)] += 1
        missing, twice = int((held == 0).sum()), int((held > 1).sum())
        if missing or twice:
            message = (
                f"{missing} neurons of {population.name!r} are in no slice, {twice} in several"
            )
            problems.append(Problem(message, "slices"))
    return problems
