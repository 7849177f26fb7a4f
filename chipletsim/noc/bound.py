"""Timing `bound`: the time that no schedule of a row can undercut."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array, lax

from chipletsim.noc.routes import RouteTables
from chipletsim.noc.traffic import NetworkTimes, RowTiming, RowTraffic


class RouteTimes(NamedTuple):
    """Zero-load times along the routes in use.

    Attributes:
        first_arrival_s: float64 [links], least time until a packet can enter the link.
        remaining_s: float64 [links], least time from the end of the link to the end of
            a route. Both are 0 for links on no route.
    """

    first_arrival_s: Any
    remaining_s: Any


def bound(traffic: RowTraffic, times: NetworkTimes, routes: RouteTables) -> RowTiming:
    """Return the least time each row can take.

    ``latency = barrier + max(tiles, links, routes)`` with

    * tiles: the longest busy time of a tile;
    * links: the longest ``first arrival + wire bits / bandwidth + latency of the link
      and of the router behind it + remaining``, over links with traffic;
    * routes: the longest ``router latency + sum over links (flit / bandwidth + link
      latency + router latency)`` of an event, from its tile to a destination.

    First arrival and remaining time are the least over all routes of the mapping that
    use the link. So the bound holds for any flow control in which a flit is received
    whole before it is sent on, and a frame before any packet in it is. Busy times of
    tiles are taken as given, so it is a bound for tiles that are as slow as their cost
    functions say; those of crossbars may be upper bounds, see `Crossbar`. It leaves out
    contention between links, and the order in which packets and computation follow each
    other; it is exact where one tile, or one link, is busy all the time.

    Args:
        traffic: Longest routes, wire bits and busy times.
        times: Latencies and bandwidths.
        routes: Routes in use.

    Example:
        One 40-bit packet crosses one link of 64-bit flits, 32 Gbit/s and 4 ns, between
        routers of 1 ns: 1 ns + 64 bit / 32 Gbit/s + 4 ns + 1 ns = 8 ns.
    """
    route = route_times(times, routes)
    serial = traffic.wire_bits / times.link_bandwidth_bit_per_s[:, None]
    behind = times.link_latency_s + times.router_latency_s[routes.link_target] + route.remaining_s
    on_link = jnp.where(
        traffic.wire_bits > 0, route.first_arrival_s[:, None] + serial + behind[:, None], 0.0
    )
    longest = traffic.longest_route_s[None]
    idle = jnp.zeros_like(longest)
    candidates = jnp.concatenate([idle, traffic.tile_busy_s, on_link, longest])
    resource = jnp.argmax(candidates, axis=0)
    worst = jnp.take_along_axis(candidates, resource[None], axis=0)[0]
    last = candidates.shape[0] - 1
    resource = jnp.where(resource == 0, last, resource - 1)
    return RowTiming(times.barrier_s + worst, resource.astype(jnp.int32))


def route_times(times: NetworkTimes, routes: RouteTables) -> RouteTimes:
    """Return zero-load times along all routes.

    Args:
        times: Latencies and bandwidths.
        routes: Routes in use.
    """
    hop = _hops(times, routes)
    arrival = _arrivals(times, routes, jnp.append(hop, 0.0))
    nearest = _nearest_ends(routes, arrival)
    links = hop.shape[0]
    inner = jnp.where(routes.node_link >= 0, routes.node_link, links)
    enters = arrival[jnp.maximum(routes.jump[0], 0)]
    first = _least(enters, inner, links)
    remaining = _least(nearest - arrival, inner, links)
    return RouteTimes(first, remaining)


def class_routes(times: NetworkTimes, routes: RouteTables, classes: int) -> Array:
    """Return float64 [classes]: zero-load time of the longest route of an event of each.

    Args:
        times: Latencies and bandwidths.
        routes: Routes in use.
        classes: Number of traffic classes.
    """
    arrival = _arrivals(times, routes, jnp.append(_hops(times, routes), 0.0))

    def step(longest: Array, chunk: tuple[Array, Array]) -> tuple[Array, None]:
        return longest.at[chunk[0]].max(arrival[chunk[1]], mode="drop"), None

    return lax.scan(step, jnp.zeros(classes), (routes.route_class, routes.route_node))[0]


def _hops(times: NetworkTimes, routes: RouteTables) -> Array:
    """Return float64 [links]: zero-load time of a flit over a link and the router behind it."""
    flit_s = times.link_flit_bits / times.link_bandwidth_bit_per_s
    return flit_s + times.link_latency_s + times.router_latency_s[routes.link_target]


def _arrivals(times: NetworkTimes, routes: RouteTables, hop: Array) -> Array:
    """Return float64 [nodes]: zero-load time of a flit from its tile through each node."""

    def double(since: Array, ancestor: Array) -> tuple[Array, None]:
        before = jnp.where(ancestor >= 0, since[jnp.maximum(ancestor, 0)], 0.0)
        return since + before, None

    since, _ = lax.scan(double, hop[routes.node_link], routes.jump)
    return since + times.router_latency_s[routes.node_source]


def _nearest_ends(routes: RouteTables, arrival: Array) -> Array:
    """Return float64 [nodes]: least arrival over the route ends at or below each node."""

    def double(nearest: Array, ancestor: Array) -> tuple[Array, None]:
        target = jnp.where(ancestor >= 0, ancestor, nearest.shape[0])
        return nearest.at[target].min(nearest, mode="drop"), None

    return lax.scan(double, jnp.where(routes.node_ends, arrival, jnp.inf), routes.jump)[0]


def _least(values: Array, group: Array, groups: int) -> Array:
    """Return the least value of each group, 0 for groups without any."""
    least = jnp.full(groups, jnp.inf).at[group].min(values, mode="drop")
    return jnp.where(jnp.isfinite(least), least, 0.0)
