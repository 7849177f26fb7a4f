"""How energy and latency change with every number of a package."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from chipletsim.cost.constants import Constants, constants_of
from chipletsim.cost.counts import RowQueue
from chipletsim.cost.incidence import Incidence, TrafficModel, traffic_model
from chipletsim.cost.message_bits import last_bits, step_events
from chipletsim.cost.program import cost
from chipletsim.engine.activity import Activity
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages


class PerInference(NamedTuple):
    """Mean energy and latency of an inference, or their derivatives by each constant.

    Attributes:
        energy_j: float64 scalar, or Constants with dE/dx in joules per unit of x.
        latency_s: float64 scalar, or Constants with dt/dx in seconds per unit of x.
    """

    energy_j: Any
    latency_s: Any


def gradients(
    activity: Activity,
    mapping: Mapping,
    *,
    constants: Constants | None = None,
    timing: str = "bound",
) -> tuple[PerInference, PerInference]:
    """Return energy and latency per inference, and their derivatives by every constant.

    Whole numbers (counts, routes, flits) are held fixed. The latency is a maximum, so
    its derivative is that of whatever bounds each row; by a whole number of a tile it is
    that of the formula of `TileParameters.cost`, not of another hardware.

    Args:
        activity: Who spiked when, of the network that the mapping lowers to. All rows
            are priced at once, so their counts must fit in memory.
        mapping: Where the network lives.
        constants: Numbers at which to take them; those of the mapping's package if left
            out.
        timing: Name of a timing model.

    Returns:
        Values as floats; derivatives as Constants of NumPy arrays.

    Raises:
        UsageError: Steps of the package run freely, without barriers.
    """
    if mapping.package.spec.runs_freely:
        raise UsageError(
            "free-running steps have no derivatives here; use `synchronisation: barrier`"
        )
    model = traffic_model(mapping)
    counts = row_counts(model, activity)
    with jax.enable_x64(True):
        nominal = constants or constants_of(mapping.package, mapping.barrier_s)
        numbers = jax.tree.map(jnp.asarray, nominal)
        arguments = (counts, model.incidence, numbers, max(activity.samples, 1), timing)
        value, slopes = jax.device_get((compiled_value(*arguments), _slopes(*arguments)))
    return PerInference(float(value.energy_j), float(value.latency_s)), slopes


def row_counts(model: TrafficModel, activity: Activity) -> np.ndarray:
    """Return int64 [samples x rows, classes]: events of each class in each hardware row."""
    classes = model.classes
    pipeline = stages(model.mapping.network)
    queue = RowQueue(classes, pipeline, activity.samples)
    events = step_events(activity, model.mapping.network, classes, pipeline, 0)
    before = classes.spike_classes + classes.update_classes
    events[:, -1:, before:] += last_bits(classes, pipeline, activity.steps)
    rows = np.concatenate([queue.push(events), queue.close()], axis=1)
    return rows.reshape(-1, classes.size)


def per_inference(
    counts: Array, incidence: Incidence, constants: Constants, samples: int, timing: str
) -> PerInference:
    """Return mean energy and latency; traced by JAX, under ``jax.enable_x64``.

    Args:
        counts: int64 [samples x rows, classes].
        incidence: What each event adds.
        constants: Numbers of the package.
        samples: Number of samples.
        timing: Name of the timing model.
    """
    costs = cost(counts, incidence, constants, timing)
    energy_j = sum(part.sum() for part in jax.tree.leaves(costs.energies))
    return PerInference(energy_j / samples, costs.timing.latency_s.sum() / samples)


compiled_value = jax.jit(per_inference, static_argnums=(3, 4))
"""``per_inference``, compiled; samples and timing are fixed."""
_slopes = jax.jit(jax.jacrev(per_inference, argnums=2), static_argnums=(3, 4))
