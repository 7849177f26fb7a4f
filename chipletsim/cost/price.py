"""Price activity on a mapping: the public verb, for one package or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from chipletsim.cost.batch import Window
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.result import Result
from chipletsim.cost.stream import CostStream
from chipletsim.cost.structure import structure
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.noc import PACKET_MODELS
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.package.model import Package

__all__ = ["CostStream", "Pricer", "Result", "price", "price_many"]


class Pricer:
    """A mapping made ready once, to price many activities on it.

    Args:
        mapping: Where the network lives.
        timing: Name of a timing model, see `chipletsim.noc.TIMING_MODELS`.

    Raises:
        UsageError: There is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.

    Example:
        simulator, pricer = Simulator(network, mapping=mapping), Pricer(mapping)
        results = [pricer.price(simulator.run(inputs)) for inputs in batches]
    """

    def __init__(self, mapping: Mapping, *, timing: str = "bound") -> None:
        self._stream = CostStream(mapping, timing=timing)

    def price(self, activity: Window) -> Result:
        """Return what an activity costs, as `price` does.

        Raises:
            UsageError: The activity is of another network.
        """
        stream = self._stream.fresh()
        stream.add(activity)
        return stream.close()


def price(
    activity: Window,
    mapping: Mapping,
    *,
    timing: str = "bound",
    say: Callable[[str], None] | None = None,
    interconnect: bool = False,
) -> Result:
    """Return what an activity costs on a mapping.

    Nothing is simulated: the same activity can be priced on any mapping whose tiles
    lower the network in the same way.

    Args:
        activity: Who spiked when, of the network that ``mapping`` lowers to; or how often its
            populations spike, see `RateActivity`.
        mapping: Where the network lives.
        timing: Name of a timing model, see `chipletsim.noc.TIMING_MODELS`.
        say: Called with a line of text as steps are timed by models that follow messages.
        interconnect: Whether the result tells of packets and links, see `Interconnect`; it does
            by `queue` and `cycle`, and takes longer.

    Raises:
        UsageError: The activity is of another network, or there is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.
    """
    stream = CostStream(mapping, timing=timing, say=say, interconnect=interconnect)
    stream.add(activity)
    return stream.close()


def price_many(
    activity: Window,
    mapping: Mapping,
    packages: Sequence[Package],
    *,
    timing: str = "bound",
    say: Callable[[str], None] | None = None,
) -> list[Result]:
    """Return what an activity costs on the same placement in several packages.

    Packages that differ in floats alone (energies, latencies, bandwidths, powers) and
    have the same routes share all counting and one compiled program, and their packets are
    followed together; the others are priced apart, and those of the same routes share the plans
    of packets. Tiles, routers and links must be the same in number and order.

    Args:
        activity: Who spiked when.
        mapping: Where the network lives; its own package does not count.
        packages: Packages to price, in the order of the results.
        timing: Name of a timing model.
        say: Called with a line of text as steps are timed by models that follow messages.

    Raises:
        UsageError: A package has other tiles, the activity is of another network, or
            there is no such timing model.
        InfeasibleError: Answers leave the network but a package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.
    """
    groups: dict[str, dict[str, list[int]]] = {}
    for number, package in enumerate(packages):
        ways, rest = structure(package)
        groups.setdefault(ways, {}).setdefault(rest, []).append(number)
    results: dict[int, Result] = {}
    for of_ways in groups.values():  # plans of packets are large: those of one at a time are held
        plans: PacketPlans | None = None
        for members in of_ways.values():
            alike = [packages[number] for number in members]
            placed = _on_package(mapping, alike[0])
            if plans is None and timing in ("auto", *PACKET_MODELS):
                plans = packet_plans(placed)
            stream = CostStream(placed, packages=alike, timing=timing, say=say, plans=plans)
            stream.add(activity)
            results.update(zip(members, stream.close_all(), strict=True))
    return [results[number] for number in range(len(packages))]


def _on_package(mapping: Mapping, package: Package) -> Mapping:
    """Return the same placement in another package.

    Raises:
        UsageError: The package has other tiles.
    """
    kinds = [[tile.kind for tile in each.tiles] for each in (mapping.package, package)]
    if kinds[0] != kinds[1]:
        raise UsageError(
            f"package {package.name!r} has other tiles than {mapping.package.name!r}, "
            "for which the mapping was made; map the network to it first"
        )
    other = replace(mapping, package=package)
    other.__dict__["fan_out"] = mapping.fan_out  # depends on slices alone
    return other
