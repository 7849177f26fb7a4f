"""What is trained: weights, thresholds and biases, as one pytree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.engine.compile import Compiled
from chipletsim.errors import ConfigError, Problem, UsageError
from chipletsim.network.model import Network, Population
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.training.forward import Neurons, Synapses, trainable, with_synapses

THRESHOLDS = ("v_threshold", "ceiling")
"""Names of what decides how readily a neuron, or an encoder, spikes."""
MOST_LOG = 20.0
"""Natural logarithm of the most by which a threshold grows or shrinks; none gets 0 or infinite."""
Grain = Literal["neuron", "population"]
"""What has a threshold of its own."""


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["synapses", "threshold_logs", "biases"],
    meta_fields=[],
)
@dataclass(frozen=True, eq=False)
class Parameters:
    """What training changes; a pytree.

    Attributes:
        synapses: Weights of each projection, as ``trainable`` gives them.
        threshold_logs: Population name to ``log(threshold / threshold at the start)``, of the
            population's shape or a single number; so a threshold stays positive, and a decay
            draws it to its start.
        biases: Population name to its bias, broadcasting to its shape.
    """

    synapses: Synapses
    threshold_logs: dict[str, Any]
    biases: dict[str, Any]


def start_parameters(
    compiled: Compiled, *, thresholds: Grain | None = None, biases: bool = False
) -> Parameters:
    """Return the parameters of a network before training.

    Args:
        compiled: The network, from ``compile_network(network, exact=False)``.
        thresholds: Whether each neuron or each population has a threshold of its own to
            train; None leaves them alone.
        biases: Whether biases are trained, where a population has one: one number for each
            channel where the bias of [channels, height, width] is the same within each.

    Raises:
        ConfigError: A threshold that is to be trained is not above 0.
        UsageError: Other constants of a model depend on its threshold; or weights are split.
    """
    populations = compiled.network.populations
    logs = {}
    for population in populations:
        if thresholds is not None and threshold_name(population):
            _check_threshold(population, compiled.network.dt_s)
            shape = population.shape if thresholds == "neuron" else ()
            logs[population.name] = np.zeros(shape, np.float32)
    own = {p.name: _bias(p) for p in populations if p.bias is not None} if biases else {}
    return Parameters(trainable(compiled), logs, own)


def neuron_constants(compiled: Compiled, parameters: Parameters) -> Neurons:
    """Return the constants of neurons that parameters stand for, as ``forward`` takes them."""
    found: list[dict[str, Any]] = []
    for population, fixed in zip(compiled.network.populations, compiled.neurons, strict=True):
        trained = {}
        if population.name in parameters.threshold_logs:
            name = threshold_name(population)
            start = fixed[name]
            log = jnp.clip(parameters.threshold_logs[population.name], -MOST_LOG, MOST_LOG)
            trained[name] = start * jnp.exp(log)
        if population.name in parameters.biases:
            trained["bias"] = jnp.asarray(parameters.biases[population.name])
        found.append(trained)
    return tuple(found)


def with_parameters(network: Network, compiled: Compiled, parameters: Parameters) -> Network:
    """Return the network with what was trained.

    Args:
        network: The network whose structure was compiled.
        compiled: As it was trained.
        parameters: What was trained.
    """
    constants = jax.device_get(neuron_constants(compiled, parameters))
    populations = tuple(
        _with_constants(population, given)
        for population, given in zip(network.populations, constants, strict=True)
    )
    return replace(with_synapses(network, parameters.synapses), populations=populations)


def _with_constants(population: Population, constants: dict[str, np.ndarray]) -> Population:
    changed = population
    name = threshold_name(population)
    if name in constants:
        values = np.asarray(constants[name], np.float32)
        changed = replace(changed, parameters={**changed.parameters, name: values})
    if "bias" in constants:
        bias = np.broadcast_to(np.asarray(constants["bias"], np.float32), population.shape)
        changed = replace(changed, bias=bias)
    return changed


def threshold_name(population: Population) -> str:
    """Return the parameter of a population that is its threshold; empty where it has none."""
    known = NEURON_MODELS[population.model].parameters
    return next((name for name in THRESHOLDS if name in known), "")


def _bias(population: Population) -> np.ndarray:
    bias = np.asarray(population.bias, np.float32)
    whole = np.broadcast_to(bias, population.shape)
    if whole.ndim == 3 and np.all(whole == whole[:, :1, :1]):
        return whole[:, :1, :1].copy()
    return whole.copy()


def _check_threshold(population: Population, dt_s: float) -> None:
    """Refuse thresholds at or below 0, and models with constants that follow from theirs."""
    model, own = NEURON_MODELS[population.model], threshold_name(population)
    prepared = model.prepare(population.parameters, dt_s)
    if not np.all(prepared[own] > 0):
        message = f"a threshold that is trained must start above 0, got {prepared[own].min()}"
        raise ConfigError([Problem(message, f"populations.{population.name}.parameters.{own}")])
    moved = model.prepare({**population.parameters, own: 2 * prepared[own] + 1}, dt_s)
    others = [
        name
        for name, values in prepared.items()
        if name != own and not np.array_equal(values, moved[name], equal_nan=True)
    ]
    if others or own in model.states.values():
        raise UsageError(
            f"thresholds of model {model.name!r} cannot be trained: "
            f"{', '.join(others) or 'its state'} would have to follow"
        )
