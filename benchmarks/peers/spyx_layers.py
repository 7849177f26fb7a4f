"""Spyx, compiled by JAX: the dense network of a file, run and timed.

``python spyx_layers.py FILE.npz``, in an environment with Spyx 1. Prints JSON: seconds of each
call of the compiled program (without compiling it; weights and inputs are on the device), and
spikes: those of the last layer in each timed program, and of each layer in a further run.

The file is that of ``snntorch_layers``. The neuron of Spyx subtracts its threshold, a step after
it is passed. So ``reset to zero`` gives Spyx, whose ``Sequential`` and ``run`` take any neuron of
its form, the neuron that we compare: ``v = (1 - k) v + k I``, 0 in the step in which it spikes.
``own neuron`` is ``spyx.nn.LIF`` itself with the same weights, so with other spikes.

Each is written in three ways: all in ``spyx.nn.run``; with the product of the inputs of all steps
and the first weights before it (``window``); each layer over all steps before the next, which only
a network without loops allows (``layerwise``). All by turns, with all cores. ``seconds`` is of the
fastest way of the neuron that we compare, by its median.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spyx
from flax import nnx
from turns import wait_for_turn


class ResetToZero(nnx.Module):
    """Leaky neuron that is 0 after a step in which it passes 1."""

    def __init__(self, shape: tuple[int, ...], beta: float) -> None:
        self.shape, self.beta = shape, beta

    def __call__(self, current: jax.Array, membrane: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return spikes and the membrane after a step."""
        membrane = self.beta * membrane + current
        spikes = spyx.axn.heaviside(membrane - 1)
        return spikes, membrane * (1 - spikes)

    def initial_state(self, batch: int) -> jax.Array:
        """Return the membrane at rest."""
        return jnp.zeros((batch, *self.shape))


def main() -> None:
    """Run the network of the file."""
    given = np.load(sys.argv[1])
    inputs = jnp.asarray(given["inputs"], jnp.float32)
    neurons = {"reset to zero": reset_to_zero, "own neuron": own_neuron}
    calls = {
        (name, way): compiled(chain(given, neuron), way)
        for name, neuron in neurons.items()
        for way in WAYS
    }
    seconds: dict[tuple[str, str], list[float]] = {case: [] for case in calls}
    spikes = {case: int(call(inputs).sum()) for case, call in calls.items()}
    for _ in range(int(given["repeats"])):
        wait_for_turn()
        for case, call in calls.items():
            start = time.perf_counter()
            jax.block_until_ready(call(inputs))
            seconds[case].append(time.perf_counter() - start)
    variants = [
        {
            "neuron": name,
            "variant": way,
            "seconds": times,
            "spikes_of_last_layer": spikes[name, way],
        }
        for (name, way), times in seconds.items()
    ]
    best = min(variants[: len(WAYS)], key=lambda each: statistics.median(each["seconds"]))
    counts = spikes_by_layer(chain(given, reset_to_zero), inputs)
    result = {
        **best,
        "spikes": sum(counts),
        "spikes_per_layer": counts,
        "input_spikes": int(inputs.sum()),
        "steps": inputs.shape[0],
        "batch": inputs.shape[1],
        "variants": variants,
        "versions": {"spyx": spyx.__version__, "jax": jax.__version__},
    }
    print(json.dumps(result))


def reset_to_zero(size: int, beta: float) -> nnx.Module:
    """Return the neurons that we compare."""
    return ResetToZero((size,), beta)


def own_neuron(size: int, beta: float) -> nnx.Module:
    """Return neurons of Spyx."""
    return spyx.nn.LIF((size,), beta=beta, rngs=nnx.Rngs(0))


def chain(given: Any, neuron: Callable[[int, float], nnx.Module]) -> list[nnx.Module]:
    """Return the products and neurons of the file's network, by turns."""
    k = float(given["dt_over_tau"])
    layers = []
    for number in range(sum(name.startswith("weight") for name in given.files)):
        weight = given[f"weight{number}"].astype(np.float32) * np.float32(k)
        product = nnx.Linear(*weight.T.shape, use_bias=False, rngs=nnx.Rngs(0))
        product.kernel[...] = jnp.asarray(weight.T)
        layers += [product, neuron(weight.shape[0], 1 - k)]
    return layers


def compiled(layers: list[nnx.Module], way: str) -> Callable[[jax.Array], jax.Array]:
    """Return the compiled program of a chain, from inputs to spikes of its last layer.

    Args:
        layers: Products and neurons by turns.
        way: One of ``WAYS``.
    """
    graph, weights = nnx.split(spyx.nn.Sequential(*layers))

    @jax.jit
    def program(weights: nnx.State, inputs: jax.Array) -> jax.Array:
        return WAYS[way](nnx.merge(graph, weights), inputs)

    return lambda inputs: program(weights, inputs)


def _run(model: Any, inputs: jax.Array) -> jax.Array:
    return spyx.nn.run(model, inputs)[0]


def _window(model: Any, inputs: jax.Array) -> jax.Array:
    first, *others = model.layers
    return spyx.nn.run(spyx.nn.Sequential(*others), first(inputs))[0]


def _layerwise(model: Any, inputs: jax.Array) -> jax.Array:
    for product, neuron in zip(model.layers[::2], model.layers[1::2], strict=True):
        inputs = spyx.nn.run(neuron, product(inputs))[0]
    return inputs


def spikes_by_layer(layers: list[nnx.Module], inputs: jax.Array) -> list[int]:
    """Return the spikes of each layer over all steps and samples."""
    counts = []
    for product, neuron in zip(layers[::2], layers[1::2], strict=True):
        inputs = spyx.nn.run(spyx.nn.Sequential(product, neuron), inputs)[0]
        counts.append(int(inputs.sum()))
    return counts


WAYS: dict[str, Callable[[Any, jax.Array], jax.Array]] = {
    "run": _run,
    "window": _window,
    "layerwise": _layerwise,
}


if __name__ == "__main__":
    main()
