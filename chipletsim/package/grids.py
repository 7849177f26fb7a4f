"""Grids of equal dies: one entry of a package file that stands for many dies."""

from __future__ import annotations

from math import prod

from chipletsim.errors import Problem
from chipletsim.package.die import MAX_ROUTERS
from chipletsim.package.topology import coordinates
from chipletsim.spec.package import ChipletSpec, PackageNetworkSpec, PackageSpec


def with_dies_named(spec: PackageSpec, problems: list[Problem]) -> PackageSpec:
    """Return the package with every die of a grid as an entry of its own.

    Dies are named ``NAME_x_y`` after their place in the package's network (``NAME_x`` where
    the grid has one length), x fastest, and stand where the grid stood. A grid begins at
    ``at``, the origin if left out.

    Args:
        spec: The package file.
        problems: Takes every fault found.

    Example:
        ``{die: {type: npu, grid: [2, 2]}}`` becomes die_0_0, die_1_0, die_0_1 and die_1_1.
    """
    if all(chiplet.grid is None for chiplet in spec.chiplets.values()):
        return spec
    found: dict[str, ChipletSpec] = {}
    for name, chiplet in spec.chiplets.items():
        dies = _dies(name, chiplet, spec.network, problems)
        for taken in sorted(found.keys() & dies.keys()):
            message = f"two dies are called {taken!r}; rename one of them"
            problems.append(Problem(message, f"chiplets.{name}"))
        found |= dies
    return spec.model_copy(update={"chiplets": found})


def _dies(
    name: str,
    chiplet: ChipletSpec,
    network: PackageNetworkSpec | None,
    problems: list[Problem],
) -> dict[str, ChipletSpec]:
    if chiplet.grid is None:
        return {name: chiplet}
    path = f"chiplets.{name}"
    if prod(chiplet.grid) > MAX_ROUTERS:
        message = f"{prod(chiplet.grid):,} dies are more than the {MAX_ROUTERS:,} supported"
        problems.append(Problem(message, f"{path}.grid"))
        return {}
    first = (0,) * len(chiplet.grid) if chiplet.at is None else chiplet.at
    if len(first) != len(chiplet.grid):
        message = f"{list(first)} needs as many numbers as grid {list(chiplet.grid)}"
        problems.append(Problem(message, f"{path}.at"))
        return {}
    shape = network.shape if network is not None else chiplet.grid
    last = [a + length for a, length in zip(first, chiplet.grid, strict=True)]
    if len(shape) == len(last) and any(a > b for a, b in zip(last, shape, strict=True)):
        message = f"{list(chiplet.grid)} from {list(first)} on lies outside {list(shape)}"
        problems.append(Problem(message, f"{path}.grid"))
        return {}
    places = [
        tuple(a + b for a, b in zip(first, place, strict=True))
        for place in coordinates(chiplet.grid)
    ]
    return {
        f"{name}_{'_'.join(map(str, at))}": ChipletSpec(type=chiplet.type, at=at) for at in places
    }
