"""A network of populations as a graph of dense layers, for what reads such graphs."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from math import prod

from chipletsim.baseline.layers import DenseLayer, dense_layers
from chipletsim.models.model import Kind, Layer, Model, Signal
from chipletsim.network.connections import Conv2d, OneToOne
from chipletsim.network.model import Network, Projection


def network_graph(network: Network, steps: int = 1) -> Model:
    """Return ``network`` as a graph: a layer for each projection, pooling and population.

    A projection with a delay reads its source of the step before. Each population is a block
    of its own with the projections that feed it, so that a pipeline can be cut behind it.

    Args:
        network: The network; weights are dropped.
        steps: Time steps per run.
    """
    dense = {layer.name: layer for layer in dense_layers(network)}
    layers: list[Layer] = []
    for name in _order(network):
        feeding = [each for each in network.projections if each.target == name]
        for projection in feeding:
            layers += _projection_layers(projection, dense, network)
        layers.append(_population_layer(network, name, feeding))
    return Model(network.name, "network", tuple(layers), steps)


def _order(network: Network) -> Iterable[str]:
    """Yield names so that projections without delay point forward, ties by their numbers."""
    waiting = {each.name: 0 for each in network.populations}
    direct = [each for each in network.projections if not each.delay]
    for each in direct:
        waiting[each.target] += 1
    ready = [network.index[name] for name, count in waiting.items() if not count]
    heapq.heapify(ready)
    while ready:
        name = network.populations[heapq.heappop(ready)].name
        yield name
        for each in direct:
            if each.source == name:
                waiting[each.target] -= 1
                if not waiting[each.target]:
                    heapq.heappush(ready, network.index[each.target])


def _population_layer(network: Network, name: str, feeding: list[Projection]) -> Layer:
    population = network.population(name)
    kind = Kind.NEURON if feeding else Kind.INPUT
    sources = tuple(_layer_name(each.name) for each in feeding)
    shape = population.shape
    state = population.size if feeding else 0
    return Layer(
        name, kind, sources, shape, shape, name, signal=Signal.SPIKES, state_elements=state
    )


def _layer_name(projection: str) -> str:
    # Populations and projections may share a name; layers may not.
    return f"to {projection}"


def _projection_layers(
    projection: Projection, dense: dict[str, DenseLayer], network: Network
) -> list[Layer]:
    source = network.population(projection.source).shape
    target = network.population(projection.target).shape
    reads, made = projection.source, []
    delayed = bool(projection.delay)
    if projection.pool is not None:
        pooled = projection.pool.target_shape(source)
        name = f"{_layer_name(projection.name)}.pool"
        made.append(
            _layer(projection, name, Kind.POOL, (source, pooled), reads=reads, delayed=delayed)
        )
        reads, source, delayed = name, pooled, False
    work = dense[projection.name]
    convolves = isinstance(projection.connection, Conv2d)
    between = (source, target) if convolves else ((prod(source),), (prod(target),))
    kind = Kind.CONVOLUTION if convolves else Kind.LINEAR
    name = _layer_name(projection.name)
    made.append(_layer(projection, name, kind, between, reads=reads, delayed=delayed, work=work))
    return made


def _layer(
    projection: Projection,
    name: str,
    kind: Kind,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    *,
    reads: str,
    delayed: bool,
    work: DenseLayer | None = None,
) -> Layer:
    made = Layer(
        name,
        kind,
        () if delayed else (reads,),
        *shapes,
        projection.target,
        parameters=work.weights if work else 0,
        weights=work.weights if work else 0,
        macs=work.macs if work else 0,
        delayed=(reads,) if delayed else (),
    )
    return _windowed(made, projection) if work else made


def _windowed(layer: Layer, projection: Projection) -> Layer:
    """Return a layer with kernel, stride, padding and groups; those along y where axes differ."""
    connection = projection.connection
    if isinstance(connection, OneToOne):
        return replace(layer, groups=layer.weights)
    if not isinstance(connection, Conv2d):
        return layer
    return replace(
        layer,
        kernel=connection.weight.shape[2],
        stride=connection.stride[0],
        padding=connection.padding[0][0],
        groups=connection.groups,
    )
