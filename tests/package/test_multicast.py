"""Packet copies against packets walked one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from small_packages import build, grid_of, package_contents, router, single

from chipletsim.package.model import Package
from chipletsim.package.multicast import multicast_copies


def next_router(package: Package, source: int, here: int, target: int) -> int:
    while True:
        before = package.links[package.incoming_link[source, target]].source
        if before == here:
            return target
        target = before


def by_next(package: Package, source: int, here: int, targets: list[int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for target in targets:
        if target != here:
            groups.setdefault(next_router(package, source, here, target), []).append(target)
    return groups


def packets_into(package: Package, source: int, here: int, targets: list[int]) -> list[list[int]]:
    """Return the targets of each packet that must enter ``here`` to serve all ``targets``."""
    if package.routers[here].spec.multicast:
        return [targets]
    packets = [[target] for target in targets if target == here]
    for child, part in by_next(package, source, here, targets).items():
        packets += packets_into(package, source, child, part)
    return packets


def walk(package: Package, source: int, targets: list[int]) -> tuple[Counter, Counter]:
    """Walk every packet; return packets over each link and into each router."""
    links: Counter[int] = Counter()
    entered: Counter[int] = Counter()
    delivered: list[int] = []
    moving = (
        [(source, part) for part in packets_into(package, source, source, targets)]
        if targets
        else []
    )
    while moving:
        here, part = moving.pop()
        entered[here] += 1
        local = [target for target in part if target == here]
        delivered += local
        onward = [
            (child, packet)
            for child, group in by_next(package, source, here, part).items()
            for packet in packets_into(package, source, child, group)
        ]
        if not package.routers[here].spec.multicast:
            assert len(local) + len(onward) == 1
        for child, _ in onward:
            links[int(package.incoming_link[source, child])] += 1
        moving += onward
    assert sorted(delivered) == sorted(targets)
    return links, entered


@settings(deadline=None, derandomize=True, max_examples=60)
@given(package_contents(), st.data())
def test_copies_equal_packets_walked_one_by_one(data: dict[str, Any], draws: st.DataObject) -> None:
    package = build(data)
    count = len(package.routers)
    source = draws.draw(st.integers(0, count - 1))
    targets = draws.draw(st.lists(st.lists(st.integers(0, count - 1), max_size=6), max_size=4))
    deliveries = np.array(
        [np.bincount(part, minlength=count) for part in targets], np.int64
    ).reshape(-1, count)
    links, routers = multicast_copies(package, source, deliveries)
    assert links.shape == (len(targets), len(package.links))
    assert routers.shape == (len(targets), count)
    for number, part in enumerate(targets):
        walked_links, walked_routers = walk(package, source, part)
        assert dict(Counter(dict(enumerate(links.toarray()[number]))) - Counter()) == walked_links
        assert (
            dict(Counter(dict(enumerate(routers.toarray()[number]))) - Counter()) == walked_routers
        )


@settings(deadline=None, derandomize=True, max_examples=40)
@given(package_contents(), st.integers(0, 2**16))
def test_packets_are_conserved_at_every_router(data: dict[str, Any], seed: int) -> None:
    package = build(data)
    count = len(package.routers)
    generator = np.random.default_rng(seed)
    deliveries = generator.integers(0, 3, (5, count)) * generator.integers(0, 2, (5, count))
    source = seed % count
    links, routers = (copies.toarray() for copies in multicast_copies(package, source, deliveries))
    for here in range(count):
        arriving = links[:, [link.target == here for link in package.links]].sum(axis=1)
        leaving = links[:, [link.source == here for link in package.links]].sum(axis=1)
        entering = routers[:, here]
        if here != source:
            np.testing.assert_array_equal(arriving, entering)
        if package.routers[here].spec.multicast:
            np.testing.assert_array_equal(entering, (leaving + deliveries[:, here]) > 0)
        else:
            np.testing.assert_array_equal(entering, leaving + deliveries[:, here])


def line_of(multicast: bool) -> Package:
    return single("mesh", (4, 1), router={"multicast": multicast})


def test_one_neuron_to_three_tiles_in_a_line_by_hand() -> None:
    deliveries = np.array([[0, 1, 1, 1]])
    links, routers = multicast_copies(line_of(multicast=True), 0, deliveries)
    assert links.sum() == 3
    assert routers.toarray().tolist() == [[1, 1, 1, 1]]
    links, routers = multicast_copies(line_of(multicast=False), 0, deliveries)
    assert links.sum() == 3 + 2 + 1
    assert routers.toarray().tolist() == [[3, 3, 2, 1]]


def test_another_tile_at_the_same_router_takes_the_router_and_no_link() -> None:
    links, routers = multicast_copies(line_of(multicast=True), 2, np.array([[0, 0, 1, 0]]))
    assert links.nnz == 0
    assert routers.toarray().tolist() == [[0, 0, 1, 0]]


def test_nothing_to_deliver_sends_nothing() -> None:
    links, routers = multicast_copies(line_of(multicast=False), 0, np.zeros((2, 4), np.int64))
    assert links.nnz == routers.nnz == 0
    links, routers = multicast_copies(line_of(multicast=False), 0, np.zeros((0, 4), np.int64))
    assert links.shape == (0, 6)
    assert routers.shape == (0, 4)


def test_sparse_and_dense_deliveries_give_the_same_and_stay_as_they_are() -> None:
    package = grid_of((2, 2))
    deliveries = np.random.default_rng(0).integers(0, 2, (9, 16))
    before = deliveries.copy()
    for dense, sparse in zip(
        multicast_copies(package, 3, deliveries),
        multicast_copies(package, 3, csr_array(deliveries)),
        strict=True,
    ):
        np.testing.assert_array_equal(dense.toarray(), sparse.toarray())
        assert dense.dtype == np.int64
    np.testing.assert_array_equal(deliveries, before)


def test_a_multicast_die_below_a_unicast_one_gets_one_copy() -> None:
    """The unicast die sends one packet across; the copying die makes the rest."""
    package = grid_of((2, 1), (2, 2))
    assert all(place.spec.multicast for place in package.routers)
    source = router(package, "c0_0(0,0)")
    deliveries = np.array([[place.name.startswith("c1_0") for place in package.routers]], np.int64)
    links, _ = multicast_copies(package, source, deliveries)
    crossing = [link.between_dies for link in package.links]
    assert links.toarray()[:, crossing].sum() == 1
