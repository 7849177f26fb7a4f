"""Sweep: points per second with reused activity, against simulating every point again.

The shipped MNIST experiment (200 images, 16 steps, 3,250 neurons on four dies), swept over
the energy of an HBM access and the barrier of a step, on which no placement depends: one
network, one placement, many prices.

"Reused" is the whole evaluation of a point: the file with its settings validated, the
package built with its routes, the price, all metrics. The experiment is simulated and
placed once; that is in the time.

The peers, in the same process:

* "simulated again": the same points, each with caches of its own, as a script would do that
  calls a simulator per design.
* "dense jnp product": the time of the dense products of the network alone, in float32, for
  the same images and steps, all layers compiled and their weights on the device: what a point
  would cost at least if spikes were computed again as dense products.

Compilation is in none of the figures: each case runs once before it is timed. Figures are the
median of repeated calls.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness import Row, Timing, timed
from chipletsim.network.connections import Conv2d, Dense
from chipletsim.network.model import Network, Projection
from chipletsim.stages import load_experiment, make_network
from chipletsim.sweep.evaluate import Evaluator, Task
from chipletsim.sweep.grid import grid_points

HBM = "package.chiplet_types.front_end.tiles.1.tile.energy_per_bit"
BARRIER = "package.barrier"


def rows(quick: bool) -> list[Row]:
    """Measure points per second; ``quick`` takes fewer points and images."""
    base = load_experiment("experiments/mnist", ["inputs.samples=20"] if quick else ())
    tasks = _tasks(base, energies=4 if quick else 16, barriers=4)
    few = tasks[:2] if quick else tasks[:4]
    repeats = 3 if quick else 5
    reused = timed(lambda: _evaluate(tasks), repeats)
    again = timed(lambda: _evaluate_apart(few), repeats)
    network = make_network(base)
    inputs = base.spec.inputs
    samples = inputs.samples or 1
    dense = timed(_dense_products(network, samples * inputs.steps), repeats)
    case = f"mnist, {samples} images, {inputs.steps} steps"
    ours = len(tasks) / reused.median_s
    return [
        _row(case, ours, "simulated again", len(few) / again.median_s, reused),
        _row(case, ours, "dense jnp product", 1 / dense.median_s, reused),
    ]


def _row(case: str, ours: float, peer: str, theirs: float, timing: Timing) -> Row:
    return Row(case, "points", "points/s", ours, peer, theirs, timing)


def _tasks(base: Any, energies: int, barriers: int) -> list[Task]:
    grid = {
        HBM: [f"{1 + number} pJ/bit" for number in range(energies)],
        BARRIER: [f"{100 * (1 + number)} ns" for number in range(barriers)],
    }
    return [
        Task(str(position), position, settings, base.with_overrides(settings))
        for position, settings in enumerate(grid_points(grid))
    ]


def _evaluate(tasks: list[Task]) -> None:
    points = [point for found in Evaluator().evaluate(tasks) for point in found]
    failed = [point.error for point in points if point.status != "ok"]
    if failed:
        raise RuntimeError(failed[0])


def _evaluate_apart(tasks: list[Task]) -> None:
    for task in tasks:
        _evaluate([task])


def _dense_products(network: Network, rows: int) -> Any:
    """Return a function that runs the dense product of every layer on ``rows`` rows."""
    generator = np.random.default_rng(0)
    layers = [_layer(network, projection) for projection in network.projections]
    inputs = [jnp.asarray(generator.random((rows, *shape), np.float32)) for shape, _ in layers]
    program = jax.jit(lambda given: [layer(x) for (_, layer), x in zip(layers, given, strict=True)])
    return lambda: jax.block_until_ready(program(inputs))


def _layer(network: Network, projection: Projection) -> tuple[tuple[int, ...], Any]:
    """Return the input shape of a layer, behind its pooling, and its product."""
    source = network.population(projection.source)
    shape = source.shape if projection.pool is None else projection.pool.target_shape(source.shape)
    connection = projection.connection
    if isinstance(connection, Conv2d):
        weight = jnp.asarray(connection.weight)
        return shape, lambda x: lax.conv_general_dilated(
            x, weight, connection.stride, connection.padding,
            rhs_dilation=connection.dilation, feature_group_count=connection.groups,
        )  # fmt: skip
    if isinstance(connection, Dense):
        weight = jnp.asarray(connection.weight.T)
        return (weight.shape[0],), lambda x: x @ weight
    raise TypeError(f"no dense product for {type(connection).__name__}")
