"""A window of steps on the native kernel (``kernels/src/wide.h``)."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.native.plan import NONE, Call
from chipletsim.engine.outputs import Outputs
from chipletsim.engine.wide.compile import WideNetwork
from chipletsim.kernels import thread_count
from chipletsim.network.neurons import NEURON_MODELS

MODELS = {"input": 0, "loihi_lif": 1, "truenorth": 2}
"""Models that the kernel has, by their number there."""
_WORD_BYTES = 8


class NativeState(NamedTuple):
    """What a window hands to the next.

    Attributes:
        neurons: For each population, state name to float64 [samples, neurons].
        history: uint8 [samples, longest delay, bytes], bits of the last events, by rank; whole
            words.
    """

    neurons: tuple[dict[str, jax.Array], ...]
    history: jax.Array


class _Plan(NamedTuple):
    """What is fixed when the call is compiled.

    Attributes:
        populations: Model, first neuron, size, and recorded states of each population.
        bounds: First neuron of each block, and their number.
        delays: The delays, the longest first.
        steps: Steps of the window.
        threads: Most threads to use.
    """

    populations: tuple[tuple[str, int, int, tuple[str, ...]], ...]
    bounds: tuple[int, ...]
    delays: tuple[int, ...]
    steps: int
    threads: int


class NativeWide:
    """A network in double precision whose arrays lie where the kernel takes them.

    Args:
        compiled: A network of ``MODELS`` alone.
    """

    steps: int | None = None

    def __init__(self, compiled: WideNetwork) -> None:
        self._compiled = compiled
        self._plan = _Plan(
            populations=tuple(
                (each.model, each.first, each.size, each.recorded) for each in compiled.populations
            ),
            bounds=tuple(compiled.bounds.tolist()),
            delays=compiled.synapses.delays,
            steps=0,
            threads=1,
        )
        with jax.enable_x64(True):
            self._arrays: dict[str, Any] = jax.device_put(
                {
                    "constants": [each.constants for each in compiled.populations],
                    "start": compiled.synapses.start,
                    "target": compiled.synapses.target,
                    "weight": compiled.synapses.weight,
                    "rank": compiled.rank,
                }
            )

    def initial_state(self, samples: int) -> NativeState:
        """Return the state before the first step, with no events in the past."""
        words = -(-self._compiled.network.neurons // (8 * _WORD_BYTES))
        with jax.enable_x64(True):
            return NativeState(
                tuple(
                    {name: jnp.tile(start, (samples, 1)) for name, start in each.initial.items()}
                    for each in self._compiled.populations
                ),
                jnp.zeros((samples, self._compiled.past, words * _WORD_BYTES), jnp.uint8),
            )

    def run_window(
        self, state: NativeState, inputs: tuple[np.ndarray, ...], steps: int
    ) -> tuple[NativeState, Outputs]:
        """Run a window of steps; arguments and result as in ``chipletsim.engine.wide.plain``."""
        given = tuple(
            np.packbits(each.reshape(*each.shape[:2], -1), axis=-1, bitorder="little")
            for each in inputs
        )
        plan = self._plan._replace(steps=steps, threads=thread_count())
        with jax.enable_x64(True):
            after, outputs = _run(plan, self._arrays, state, given)
        rasters, fed = list(outputs.rasters), iter(given)
        for number, each in enumerate(self._compiled.populations):
            if each.model == "input":
                rasters[number] = next(fed)
        return after, outputs._replace(rasters=tuple(rasters))


@partial(jax.jit, static_argnums=0, donate_argnums=2)
def _run(
    plan: _Plan, arrays: dict[str, Any], state: NativeState, inputs: tuple[jax.Array, ...]
) -> tuple[NativeState, Outputs]:
    samples, past, _ = state.history.shape
    call = Call("chipletsim_wide")
    call.add(samples, plan.steps, plan.bounds[-1], len(plan.bounds) - 1, *plan.bounds)
    call.add(len(plan.delays), *plan.delays)
    call.add(*(call.argument(arrays[name]) for name in ("start", "target", "weight")))
    call.add(call.argument(arrays["rank"]), past)
    if past:
        call.add(call.argument(state.history))
        call.add(call.result(state.history.shape, jnp.uint8), len(plan.populations))
    else:
        call.add(NONE, NONE, len(plan.populations))
    fed = iter(inputs)
    for (model, first, size, recorded), constants, own in zip(
        plan.populations, arrays["constants"], state.neurons, strict=True
    ):
        call.add(first, size, MODELS[model])
        if model == "input":
            call.add(call.argument(next(fed)))
            continue
        rows = (samples, plan.steps)
        names = list(NEURON_MODELS[model].parameters)
        call.add(len(names))
        for name in names:
            # One number for all, or one for each neuron.
            call.add(int(constants[name].size == 1), call.argument(constants[name]))
        call.add(len(own))
        for name in NEURON_MODELS[model].states:
            call.add(call.result(own[name].shape, jnp.float64, over=own[name]))
        call.add(call.result((*rows, -(-size // 8)), jnp.uint8))
        call.add(call.result((*rows, -(-size // 8)), jnp.uint8), len(recorded))
        for name in recorded:
            call.add(list(NEURON_MODELS[model].states).index(name))
            call.add(call.result((*rows, size), jnp.float64))
    return _results(plan, state, iter(call.run(plan.threads)))


def _results(plan: _Plan, state: NativeState, results: Any) -> tuple[NativeState, Outputs]:
    """Return the results of a call by what they are, in the order in which it names them."""
    history = next(results) if state.history.shape[1] else state.history
    neurons: list[dict[str, jax.Array]] = []
    rasters: list[jax.Array | None] = []
    updates: list[jax.Array | None] = []
    recorded: list[dict[str, jax.Array]] = []
    for model, _, _, kept in plan.populations:
        plain = model == "input"
        names = [] if plain else NEURON_MODELS[model].states
        neurons.append({name: next(results) for name in names})
        rasters.append(None if plain else next(results))
        updates.append(None if plain else next(results))
        recorded.append({name: next(results) for name in kept})
    outputs = Outputs(tuple(rasters), (None,) * len(rasters), tuple(updates), tuple(recorded))
    return NativeState(tuple(neurons), history), outputs
