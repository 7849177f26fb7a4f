"""Small packages for tests, by hand and at random."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

CORE = {
    "kind": "neurocore",
    "neurons": 16,
    "synaptic_memory": "1 KiB",
    "energy_per_synaptic_op": "1 pJ/op",
    "energy_per_neuron_update": "1 pJ/op",
    "time_per_synaptic_op": "1 ns/op",
    "time_per_neuron_update": "1 ns/op",
}
ON_CHIP = {"bandwidth": "64 Gb/s", "latency": "1 ns", "flit": "64 bit"}
D2D = {"bandwidth": "256 Gb/s", "latency": "5 ns", "flit": "64 bit"}


def die(topology: str = "mesh", shape: Any = (2, 2), **more: Any) -> dict[str, Any]:
    """Return a chiplet type with a core at each router; ``more`` adds to its network."""
    network = {"topology": topology, "shape": list(shape), "link": ON_CHIP} | more
    return {"network": network, "tiles": [{"tile": CORE}]}


def contents(
    types: dict[str, Any],
    chiplets: dict[str, Any],
    network: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a package file as a mapping."""
    return {
        "name": "test",
        "packet": {"header": "8 bit", "address": "32 bit"},
        "chiplet_types": types,
        "chiplets": chiplets,
        **({"network": {"link": D2D} | network} if network else {}),
        **more,
    }


def build(data: dict[str, Any]) -> Package:
    """Return the package of a file's contents."""
    return build_package(PackageSpec.model_validate(data))


def single(topology: str = "mesh", shape: Any = (2, 2), **more: Any) -> Package:
    """Return a package of one die."""
    top = {key: more.pop(key) for key in ("virtual_channels",) if key in more}
    return build(contents({"a": die(topology, shape, **more)}, {"die": {"type": "a"}}, **top))


def grid_of(
    shape: tuple[int, int], die_shape: Any = (2, 2), parallel: int = 1, **more: Any
) -> Package:
    """Return a mesh of equal mesh dies, called ``c0_0`` and so on by their place."""
    chiplets = {
        f"c{x}_{y}": {"type": "a", "at": [x, y]} for y in range(shape[1]) for x in range(shape[0])
    }
    network = {"topology": "mesh", "shape": list(shape), "parallel_links": parallel}
    return build(contents({"a": die(shape=die_shape)}, chiplets, network, **more))


def router(package: Package, name: str) -> int:
    """Return the index of a router by its name."""
    return [each.name for each in package.routers].index(name)


def link_names(package: Package, source: str, target: str) -> list[str]:
    """Return the names of the links of a route between two routers."""
    ends = router(package, source), router(package, target)
    return [package.links[link].name for link in package.route(*ends)]


@st.composite
def dies(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a chiplet type: any topology, slow and fast links, copying routers or not."""
    topology = draw(st.sampled_from(["mesh", "torus", "ring", "star", "crossbar"]))
    planar = topology in ("mesh", "torus")
    shape = draw(st.tuples(*[st.integers(1, 3 if planar else 5)] * (2 if planar else 1)))
    latency = draw(st.sampled_from(["1 ns", "2 ns"]))
    kind = die(
        topology,
        shape,
        link=ON_CHIP | {"latency": latency},
        router={
            "multicast": draw(st.booleans()),
            "latency": draw(st.sampled_from(["0 s", "1 ns"])),
        },
    )
    if draw(st.booleans()):
        kind["tiles"] = [{"tile": CORE, "at": [[0] * len(shape)], "per_router": 2}]
    return kind


@st.composite
def package_contents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a package of up to six dies of three types, with room for every route."""
    types = {name: draw(dies()) for name in ("a", "b", "c")}
    topology = draw(st.sampled_from(["mesh", "torus", "ring", "star", "crossbar"]))
    planar = topology in ("mesh", "torus")
    lengths = [st.integers(1, 3), st.integers(1, 2)] if planar else [st.integers(1, 4)]
    shape = draw(st.tuples(*lengths))
    places = [[x] for x in range(shape[0])]
    if planar:
        places = [[x, y] for y in range(shape[1]) for x in range(shape[0])]
    chiplets = {
        f"d{number}": {"type": draw(st.sampled_from("abc")), "at": at}
        for number, at in enumerate(places)
    }
    network = {
        "topology": topology,
        "shape": list(shape),
        "parallel_links": draw(st.integers(1, 3)),
    }
    return contents(types, chiplets, network, virtual_channels=16)
