"""One step of training as one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import jax

from chipletsim.errors import UsageError
from chipletsim.spec.train import OptimiserSpec
from chipletsim.training.loss import MappedLoss, Measures
from chipletsim.training.parameters import Parameters

PIP_LINE = "pip install 'chipletsim[train]'"

Update = Callable[..., tuple[Parameters, Any, Measures]]
"""``update(parameters, state, traffic_weight, inputs, labels)``: what they become."""


def require_optax() -> None:
    """Raise UsageError where optax is not installed."""
    if find_spec("optax") is None:
        raise UsageError(f"optax, which training needs, is not installed: {PIP_LINE}")


def make_optimiser(spec: OptimiserSpec, steps: int) -> Any:
    """Return the optimiser of optax that a file asks for; weights alone decay.

    Args:
        spec: Section `optimiser`.
        steps: Steps of the whole training.
    """
    import optax

    rate: Any = spec.learning_rate
    if spec.schedule == "cosine":
        warm = max(steps // 20, 1)
        last = max(steps, warm + 1)
        rate = optax.warmup_cosine_decay_schedule(0, rate, warm, last, rate / 50)
    return optax.adamw(rate, weight_decay=spec.weight_decay, mask=_decaying)


def _decaying(parameters: Parameters) -> Parameters:
    return Parameters(
        jax.tree.map(lambda _: True, parameters.synapses),
        jax.tree.map(lambda _: False, parameters.threshold_logs),
        jax.tree.map(lambda _: False, parameters.biases),
    )


def make_update(loss: MappedLoss, optimiser: Any) -> Update:
    """Return one step of training, compiled once for all weights of the traffic."""
    import optax

    @jax.jit
    def update(
        parameters: Parameters,
        state: Any,
        traffic_weight: jax.Array,
        inputs: jax.Array,
        labels: jax.Array,
    ) -> tuple[Parameters, Any, Measures]:
        gradient, measures = jax.grad(loss, has_aux=True)(
            parameters, traffic_weight, inputs, labels
        )
        changes, state = optimiser.update(gradient, state, parameters)
        return optax.apply_updates(parameters, changes), state, measures

    return update
