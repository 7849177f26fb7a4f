"""``chipletsim show``: the package of a file, built."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from chipletsim.cli.options import Config, Json, Set, example, texts
from chipletsim.cli.output import line, show, show_json
from chipletsim.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from chipletsim.package.facts import LinkGroup, PackageFacts
    from chipletsim.package.model import Package
    from chipletsim.spec.load import Loaded

MOST_PLACES = 40
"""Rows of a table of dies or links; where there would be more, those that are alike share one."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "show", epilog=example("chipletsim show packages/four_dies", "chipletsim show my.yaml")
    )(show_package)


def show_package(file: Config, overrides: Set = None, as_json: Json = False) -> None:
    """Print the package, built.

    Takes a package or an experiment file; prints dies, tiles, links, hops and bisection.
    """
    from chipletsim.package.facts import package_facts

    loaded, package = build(file, texts(overrides))
    facts = package_facts(package)
    if as_json:
        show_json(_as_json(package, facts))
        return
    _print_summary(package, facts)
    _print_scheme(file, texts(overrides))
    show(_dies(package), _kinds(facts), _links(facts))
    _print_frames(facts)
    _print_sources(loaded)


def build(file: str, overrides: list[str]) -> tuple[Loaded[Any], Package]:
    """Return the package section of a file, and the package.

    Raises:
        ConfigError: Everything that is wrong with it.
        UsageError: The file has no package.
    """
    import chipletsim
    from chipletsim.spec.kinds import load_any
    from chipletsim.spec.package import PackageSpec

    kind, loaded = load_any(file, overrides)
    if kind.name == "experiment":
        loaded = loaded.section("package", PackageSpec)
    elif kind.name != "package":
        raise UsageError(f"{file} is a {kind.name} file; expected a package or an experiment")
    try:
        return loaded, chipletsim.load_package(loaded.resolved)
    except ConfigError as error:
        raise loaded.locate(error) from None


def _print_summary(package: Package, facts: PackageFacts) -> None:
    from chipletsim.tables import si

    line(
        f"{package.name}: {facts.chiplets:,} chiplets, {facts.tiles:,} tiles,"
        f" {facts.routers:,} routers, {len(package.links):,} directed links"
    )
    bisection = facts.bisection_bandwidth_bit_per_s
    line(f"links between two tiles: mean {facts.mean_hops:.3g}, most {facts.max_hops}")
    line(f"bisection: {si(bisection, 'bit/s') if bisection is not None else 'nothing to cut'}")
    line(f"static power: {si(facts.static_power_w, 'W')}")


def _print_scheme(file: str, overrides: list[str]) -> None:
    """Print how an experiment steps the neurons of its NIR file, if it has one."""
    from chipletsim.spec.kinds import load_any
    from chipletsim.stages import nir_reading

    read = nir_reading(load_any(file, overrides)[1])
    if read:
        line(f"network: neurons of the NIR file are stepped as {read.scheme}")
        for doubt in read.doubts:
            line(f"note: {doubt}")


def _dies(package: Package) -> Table:
    """Return the dies, each with its place, routers and tiles; many dies by type."""
    from chipletsim.tables import table

    routers = Counter(router.chiplet for router in package.routers)
    kinds: dict[int, Counter[str]] = {}
    for tile in package.tiles:
        kinds.setdefault(tile.chiplet, Counter())[tile.kind] += 1
    rows = []
    for number, die in enumerate(package.chiplets):
        own = kinds.get(number, Counter())
        tiles = ", ".join(f"{count} {kind}" for kind, count in own.items()) or "none"
        rows.append((die.name, die.type, ",".join(map(str, die.at)) or "-", routers[number], tiles))
    if len(rows) > MOST_PLACES:
        alike = Counter((kind, count, tiles) for _, kind, _, count, tiles in rows)
        rows = [(f"{n:,} of them", kind, "", count, own) for (kind, count, own), n in alike.items()]
    return table("Chiplets", ("name", "type", "at", "routers", "tiles"), rows)


def _kinds(facts: PackageFacts) -> Table:
    from chipletsim.tables import si, table
    from chipletsim.tiles.pipeline_core import UNLIMITED_BITS

    def memory(bits: int) -> str:
        return "not limited" if bits >= UNLIMITED_BITS else si(bits, "bit")

    rows = [
        (
            kind.kind,
            kind.tiles,
            kind.neurons,
            memory(kind.synaptic_memory_bits),
            si(kind.static_power_w, "W"),
        )
        for kind in facts.kinds
    ]
    columns = ("kind", "tiles", "neurons", "synaptic memory", "static power")
    return table("Tiles", columns, rows)


def _links(facts: PackageFacts) -> Table:
    from chipletsim.package.facts import coding
    from chipletsim.tables import si, table

    def row(group: LinkGroup) -> tuple[Any, ...]:
        spec = group.spec
        return (
            group.place,
            "die to die" if group.between_dies else "on chip",
            group.links,
            si(spec.bandwidth_bit_per_s, "bit/s"),
            si(spec.latency_s, "s"),
            si(spec.energy_j_per_bit, "J/bit"),
            f"{spec.flit_bits} bit",
            coding(spec) or "packets",
        )

    columns = (
        "place",
        "kind",
        "links",
        "bandwidth",
        "latency",
        "energy",
        "flit",
        "frame",
        "events",
    )
    groups = facts.link_groups
    if len(groups) > MOST_PLACES:
        groups = _by_cost(groups)
    return table("Directed links", columns, [row(group) for group in groups])


def _print_frames(facts: PackageFacts) -> None:
    """Print the frames of links and their sleep, where they have any."""
    from chipletsim.package.facts import framing

    groups = facts.link_groups
    for group in _by_cost(groups) if len(groups) > MOST_PLACES else groups:
        if words := framing(group.spec):
            line(f"frames of {group.place}: {words}")


def _by_cost(groups: tuple[LinkGroup, ...]) -> tuple[LinkGroup, ...]:
    """Return one group for all places whose links cost the same."""
    alike: dict[tuple[bool, Any], list[LinkGroup]] = {}
    for group in groups:
        alike.setdefault((group.between_dies, group.spec), []).append(group)
    return tuple(
        replace(members[0], place=_places(members), links=sum(each.links for each in members))
        for members in alike.values()
    )


def _places(members: list[LinkGroup]) -> str:
    if len(members) == 1:
        return members[0].place
    what = "pairs of dies" if members[0].between_dies else "dies"
    return f"{len(members):,} {what}"


def _print_sources(loaded: Loaded[Any]) -> None:
    """Print where the costs of links and routers were read, each place once."""
    origins = {
        str(origin): key
        for key, origin in reversed(loaded.origins.items())
        if origin.source and ("link" in key or "router" in key)
    }
    if origins:
        line("Sources of link and router costs")
    for origin, key in sorted(origins.items()):
        line(f"  {key.rpartition('.')[2]}: {origin}")


def _as_json(package: Package, facts: PackageFacts) -> dict[str, Any]:
    return {
        "name": package.name,
        "chiplets": [
            {"name": die.name, "type": die.type, "at": list(die.at)} for die in package.chiplets
        ],
        "routers": facts.routers,
        "tiles": [vars(kind) for kind in facts.kinds],
        "links": [
            {
                "place": group.place,
                "between_dies": group.between_dies,
                "links": group.links,
                **group.spec.model_dump(),
            }
            for group in facts.link_groups
        ],
        "mean_hops": facts.mean_hops,
        "max_hops": facts.max_hops,
        "bisection_bandwidth_bit_per_s": facts.bisection_bandwidth_bit_per_s,
        "static_power_w": facts.static_power_w,
    }
