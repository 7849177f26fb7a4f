"""What each constant does to the ratios: one at a time, halved and doubled or low and high."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from benchmarks.talk.amounts import Amounts, amounts_of, package_of
from benchmarks.talk.costs import ENCODINGS, Versions
from benchmarks.talk.grid import FAIR, PACKETS, spiking_versions, width_bits
from benchmarks.talk.prices import ASSUMED, Prices, prices_of, with_link
from chipletsim.models import build_model


@dataclass(frozen=True)
class Point:
    """A case about which constants are changed.

    Attributes:
        steps: Time steps T.
        rate: Spikes per value and step.
        encoding: Of spikes across boundaries.
        width: Of values, one of `benchmarks.talk.grid.WIDTHS`.
    """

    steps: int = 4
    rate: float = 0.05
    encoding: str = "packed events"
    width: str = "8 bit"


class Ratios(NamedTuple):
    """Another version over the hybrid one.

    Attributes:
        dense_energy: Energy of the dense version over the hybrid's.
        dense_latency: The same of latencies.
        spiking_energy: Energy of the all-spiking version, on ideal event-driven cores.
        spiking_latency: The same of latencies.
    """

    dense_energy: float
    dense_latency: float
    spiking_energy: float
    spiking_latency: float


@dataclass(frozen=True)
class Bar:
    """One constant, changed.

    Attributes:
        name: The constant and its values, with the unit.
        low: Ratios with the first of them.
        high: Ratios with the second.
    """

    name: str
    low: Ratios
    high: Ratios

    def span(self, ratio: int) -> float:
        """Return by which factor one of the ratios changes."""
        a, b = self.low[ratio], self.high[ratio]
        return max(a, b) / min(a, b)


@dataclass(frozen=True, eq=False)
class Tornado:
    """All bars about one case.

    Attributes:
        case: What it is, in words.
        base: Its ratios.
        bars: Widest first, by the ratio of energies to the dense version.
    """

    case: str
    base: Ratios
    bars: tuple[Bar, ...]


def tornado(model: str, dies: int, link: str, point: Point) -> Tornado:
    """Return what each constant does to the ratios of one case.

    Args:
        model: Name of a model.
        dies: A key of `benchmarks.talk.amounts.GRIDS`.
        link: A key of `benchmarks.talk.prices.LINKS`.
        point: The coding.
    """
    package = package_of(dies, "ucie_standard")
    amounts = amounts_of(build_model(model), package)
    spread = amounts_of(build_model(model), package, spread=True)
    prices = with_link(prices_of(package), link)
    base = ratios(amounts, prices, point)
    bars = [
        Bar(name, ratios(amounts, low, point), ratios(amounts, high, point))
        for name, low, high in [*_scaled(prices), *_ranged(prices)]
    ]
    bars += [
        Bar(name, ratios(amounts, prices, low), ratios(amounts, prices, high))
        for name, low, high in _choices(point)
    ]
    bars.append(Bar("layers on one die, on all cores", base, ratios(spread, prices, point)))
    bars.sort(key=lambda bar: -bar.span(0))
    case = (
        f"{model}, {dies} dies, {link}, T = {point.steps}, r = {point.rate:g}, {point.encoding}, "
        f"dense {point.width}"
    )
    return Tornado(case, base, tuple(bars))


def ratios(amounts: Amounts, prices: Prices, point: Point) -> Ratios:
    """Return the ratios of one case."""
    versions = Versions(amounts, prices)
    bits = width_bits(point.width, point.steps, point.rate)
    hybrid = versions.hybrid(point.steps, point.rate, point.encoding, bits)
    dense = versions.dense(bits)
    spiking = spiking_versions(versions, prices, point.steps, point.rate)[0]
    return Ratios(
        dense.energy_j / hybrid.energy_j,
        dense.latency_s / hybrid.latency_s,
        spiking.energy_j / hybrid.energy_j,
        spiking.latency_s / hybrid.latency_s,
    )


Change = tuple[str, Prices, Prices]


def _scaled(prices: Prices) -> list[Change]:
    """Return each published constant halved and doubled."""
    chip, between = prices.links
    found: list[Change] = []

    def add(name: str, make: str) -> None:
        value = getattr(prices, make)
        low, high = (_changed(prices, make, value * factor) for factor in (0.5, 2.0))
        found.append((f"{name} x0.5, x2", low, high))

    add("energy of a dense MAC", "mac_j")
    add("energy of a weight bit", "weight_bit_j")
    add("energy of an output or membrane", "update_j")
    add("clock of the cores", "clock_hz")
    add("static power of a core", "static_w")
    add("energy of a bit in a router", "router_j_per_bit")
    add("latency of a router", "router_latency_s")
    for name, field in (
        ("energy of a bit", "energy_j_per_bit"),
        ("bandwidth", "bandwidth_bit_per_s"),
        ("latency", "latency_s"),
    ):
        for place, link, change in (
            ("on-chip links", chip, prices.on_chip),
            ("links between dies", between, prices.boundary),
        ):
            low, high = (change(**{field: getattr(link, field) * each}) for each in (0.5, 2.0))
            found.append((f"{name}, {place} x0.5, x2", low, high))
    return found


def _changed(prices: Prices, field: str, value: float) -> Prices:
    change: dict[str, Any] = {field: value}
    return replace(prices, **change)


def _ranged(prices: Prices) -> list[Change]:
    """Return each assumed constant at the ends of its range."""
    names = {
        "accumulate_j": ("energy of an event's add", 1e12, "pJ"),
        "encode_j": ("converter, neuron and step", 1e12, "pJ"),
        "decode_j": ("converter, spike received", 1e12, "pJ"),
        "barrier_s": ("barrier after each layer and step", 1e9, "ns"),
    }
    found: list[Change] = []
    for field, (name, scale, unit) in names.items():
        each = ASSUMED[field]
        low, high = (_changed(prices, field, value) for value in (each.low, each.high))
        found.append((f"{name} {each.low * scale:g}, {each.high * scale:g} {unit}", low, high))
    loihi = replace(prices, encode_j=52e-12)
    found.append(("converter, neuron and step 0.23, 52 pJ (Loihi 1)", prices, loihi))
    idle = replace(prices, static_w=0.0)
    found.append(("static power of a core 0, 0.815 mW", idle, prices))
    return found


def _choices(point: Point) -> list[tuple[str, Point, Point]]:
    """Return what is chosen rather than measured: the coding."""

    def pair(**changes: tuple[Any, Any]) -> tuple[Point, Point]:
        low, high = (
            replace(point, **{name: values[end] for name, values in changes.items()})
            for end in (0, 1)
        )
        return low, high

    packets = "packet per event"
    return [
        ("time steps x0.5, x2", *pair(steps=(max(point.steps // 2, 1), point.steps * 2))),
        ("rate x0.5, x2", *pair(rate=(point.rate / 2, point.rate * 2))),
        ("dense width 8, 32 bit", *pair(width=("8 bit", "32 bit"))),
        (f"dense width fair with mask, {point.width}", *pair(width=(FAIR, point.width))),
        ("dense a packet for each value, 8 bit packed",
         *pair(width=(PACKETS, "8 bit"))),
        ("a packet for each value and event, all packed",
         *pair(width=(PACKETS, "8 bit"), encoding=(packets, point.encoding))),
        *(
            (f"encoding {each}, {point.encoding}", *pair(encoding=(each, point.encoding)))
            for each in ENCODINGS
            if each != point.encoding
        ),
    ]  # fmt: skip
