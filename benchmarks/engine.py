"""Engine: steps and synaptic events per second, against dense products in plain ``jnp``.

Three LIF networks with random input spikes (tenth of the channels in each step): dense
784-1024-1024-10, convolutional 1x28x28 - 16C3 - 32C3/2 - 10, and sparse recurrent with N
neurons of fan-out 80 (delay 1). Weights have few bits, as those of a network lowered to its
tiles; "full weights" have all 24, which are added in float64 (``chipletsim.engine.exact``).

Ours is the whole call of ``simulate``: inputs checked and hashed, network compiled to
arrays, run. The row "compiled before" is a run of a ``Simulator``, which
leaves the compiling out.

The peer is the same network as one would write it by hand in ``jnp``: every projection a
dense float32 product (a convolution stays one), neurons in line, one ``lax.scan`` over the
steps, spikes brought to the host as bytes. It is compiled as well, and its weights are on
the device already. Both give the same number of spikes, which is checked to 1 %.

Each figure is the median of repeated calls after a first one that compiles, ours and the
peer's by turns; the spread is (slowest - fastest) / median. A step is one time step of one
sample. A synaptic event is one spike at one synapse; both sides are credited with the same
events.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.harness import Row, Timing, timed_in_turn
from chipletsim.engine.activity import Activity
from chipletsim.engine.simulate import Simulator, simulate
from chipletsim.network.connections import Conv2d, Dense, Sparse
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.synapses import projection_fan_out

Product = Callable[[jax.Array], jax.Array]
DECAY = 0.25
"""dt / tau of all neurons."""


def rows(quick: bool) -> list[Row]:
    """Return the figures of all three networks."""
    samples, steps = (4, 20) if quick else (32, 50)
    neurons, long = (1000, 50) if quick else (4000, 200)
    cases = [
        ("dense 784-1024-1024-10", dense_network(), samples, steps),
        ("conv 28x28-16C3-32C3/2-10", conv_network(), samples, steps),
        (f"sparse recurrent {neurons} x 80", recurrent_network(neurons, 80, 1 / 16), 1, long),
        ("the same, full weights", recurrent_network(neurons, 80, 0.0601), 1, long),
    ]
    found = []
    for case, network, batch, length in cases:
        found += _case_rows(f"{case}, batch {batch}", network, batch, length, 3 if quick else 7)
    return found


def dense_network() -> Network:
    """Return 784-1024-1024-10."""
    rng = np.random.default_rng(0)
    sizes = (784, 1024, 1024, 10)
    populations = [Population("p0", (784,), "input")]
    projections = []
    for number, (source, target) in enumerate(pairwise(sizes), start=1):
        populations.append(lif(f"p{number}", (target,)))
        weight = _weights(rng, target, source)
        projections.append(Projection(f"w{number}", f"p{number - 1}", f"p{number}", Dense(weight)))
    return Network("dense", tuple(populations), tuple(projections), 1e-3)


def conv_network() -> Network:
    """Return 1x28x28 - 16 3x3 - 32 3x3 with stride 2 - 10."""
    rng = np.random.default_rng(0)
    same = ((1, 1), (1, 1))
    first = Conv2d(_weights(rng, 16, 1, 3, 3), padding=same)
    second = Conv2d(_weights(rng, 32, 16, 3, 3), stride=(2, 2), padding=same)
    return Network(
        "conv",
        (
            Population("p0", (1, 28, 28), "input"),
            lif("p1", (16, 28, 28)),
            lif("p2", (32, 14, 14)),
            lif("p3", (10,)),
        ),
        (
            Projection("w1", "p0", "p1", first),
            Projection("w2", "p1", "p2", second),
            Projection("w3", "p2", "p3", Dense(_weights(rng, 10, 32 * 14 * 14))),
        ),
        1e-3,
    )


def recurrent_network(neurons: int, fan_out: int, largest: float) -> Network:
    """Return random neurons that drive each other, four fifths of the synapses excitatory."""
    rng = np.random.default_rng(0)
    driving = random_synapses(rng, neurons, neurons, fan_out, largest=4 * largest)
    recurrent = random_synapses(
        rng, neurons, neurons, fan_out, largest=largest, inhibitory=neurons * fan_out // 5
    )
    return Network(
        "recurrent",
        (Population("p0", (neurons,), "input"), lif("p1", (neurons,))),
        (
            Projection("w1", "p0", "p1", driving),
            Projection("w2", "p1", "p1", recurrent, delay=1),
        ),
        1e-3,
    )


def random_synapses(
    rng: np.random.Generator,
    sources: int,
    targets: int,
    fan_out: int,
    *,
    largest: float,
    inhibitory: int = 0,
) -> Sparse:
    """Return synapses to random targets, weights uniform up to ``largest``.

    The last ``inhibitory`` synapses have negative weights, eight times as strong.
    """
    chosen = rng.integers(0, targets, sources * fan_out, dtype=np.int32)
    weight = (rng.integers(1, 65, chosen.size) / 64 * largest).astype(np.float32)
    weight[weight.size - inhibitory :] *= -8
    return Sparse(np.arange(sources + 1, dtype=np.int64) * fan_out, chosen, weight, targets)


def random_spikes(network: Network, samples: int, steps: int, rate: float = 0.1) -> np.ndarray:
    """Return bool [samples, steps, *shape] for the first population."""
    shape = (samples, steps, *network.populations[0].shape)
    return np.random.default_rng(1).random(shape, np.float32) < rate


def synaptic_events(network: Network, activity: Activity) -> int:
    """Return the number of spikes times synapses that they reach."""
    total = 0
    for projection in network.projections:
        target = network.population(projection.target).shape
        whole = [tuple((0, length) for length in target)]
        fan_out = projection_fan_out(projection, network, whole).toarray().ravel()
        total += int(activity.totals[projection.source] @ fan_out)
    return total


def _case_rows(case: str, network: Network, samples: int, steps: int, repeats: int) -> list[Row]:
    inputs = random_spikes(network, samples, steps)
    activity = simulate(network, inputs)
    peer = dense_peer(network, inputs)
    spikes, others = activity.total_events - int(inputs.sum()), int(peer())
    if abs(spikes - others) > 0.01 * max(spikes, 1):
        raise RuntimeError(f"{case}: {spikes:,} spikes, but the peer has {others:,}")
    simulator = Simulator(network)
    calls = (lambda: simulate(network, inputs), peer, lambda: simulator.run(inputs))
    ours, theirs, alone = timed_in_turn(calls, repeats)
    events = synaptic_events(network, activity)

    def row(what: str, unit: str, count: int, timing: Timing) -> Row:
        figures = count / timing.median_s, "dense jnp", count / theirs.median_s
        return Row(case, what, unit, *figures, timing)

    return [
        row("steps", "step/s", samples * steps, ours),
        row("synaptic events", "event/s", events, ours),
        row("synaptic events, compiled before", "event/s", events, alone),
    ]


def dense_peer(network: Network, inputs: np.ndarray) -> Callable[[], int]:
    """Return a call that runs a network with dense products and counts its spikes."""
    weights = {each.name: jnp.asarray(_dense_weight(each)) for each in network.projections}
    names = [population.name for population in network.populations[1:]]
    shapes = {each.name: each.shape for each in network.populations}

    @jax.jit
    def run(weights: dict[str, jax.Array], spikes: jax.Array) -> dict[str, jax.Array]:
        zeros = {name: jnp.zeros((len(inputs), *shapes[name])) for name in names}

        def step(carry: Any, given: jax.Array) -> Any:
            v, last = dict(carry[0]), carry[1]
            now = {"p0": given.astype(jnp.float32)}
            for name in names:
                current = sum(
                    _product(each, weights[each.name], (last if each.delay else now)[each.source])
                    for each in network.projections
                    if each.target == name
                ).reshape(len(inputs), *shapes[name])
                v[name] = v[name] + DECAY * (current - v[name])
                now[name] = (v[name] > 1).astype(jnp.float32)
                v[name] = v[name] * (1 - now[name])
            fired = {name: now[name] for name in names}
            return (v, fired), {name: each.astype(jnp.uint8) for name, each in fired.items()}

        return lax.scan(step, (zeros, zeros), jnp.moveaxis(spikes, 1, 0))[1]

    return lambda: sum(int(np.asarray(each).sum()) for each in run(weights, inputs).values())


def _dense_weight(projection: Projection) -> np.ndarray:
    connection = projection.connection
    if isinstance(connection, Sparse):
        weight = np.zeros((connection.n_targets, connection.indptr.size - 1), np.float32)
        source = np.repeat(np.arange(weight.shape[1]), np.diff(connection.indptr))
        np.add.at(weight, (connection.targets, source), connection.weight)
        return weight
    return connection.weights


def _product(projection: Projection, weight: jax.Array, spikes: jax.Array) -> Any:
    connection = projection.connection
    if isinstance(connection, Conv2d):
        return lax.conv_general_dilated(spikes, weight, connection.stride, connection.padding)
    return spikes.reshape(spikes.shape[0], -1) @ weight.T


def lif(name: str, shape: tuple[int, ...]) -> Population:
    """Return LIF neurons of the benchmark's time constant."""
    return Population(name, shape, "lif", {"tau": np.array(1e-3 / DECAY, np.float32)})


def _weights(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Return multiples of 2^-10 that make a tenth or so of the targets spike in a step."""
    active = 0.1 * prod(shape[1:])
    values = rng.normal(0.3 / active, 2.0 / np.sqrt(active), shape)
    return (np.rint(values * 1024) / 1024).astype(np.float32)
