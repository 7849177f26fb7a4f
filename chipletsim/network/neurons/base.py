"""What a neuron model is: parameters, states, and one step.

To add a model, write its step and a `NeuronModel` in a file of this folder, and add it to
``chipletsim.network.neurons.NEURON_MODELS``. The engine (JAX) and training run the same step,
each given its own array namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np

State = dict[str, Any]
Constants = dict[str, Any]
Step = Callable[..., tuple[Any, ...]]
Precision = Literal["float32", "float64"]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a neuron model.

    Attributes:
        default: Value where none is given; None where one must be given.
        unit: SI unit, ``1`` for plain numbers.
        meaning: What it is.
        positive: Whether it must be greater than zero.
        at_least_dt: Whether it is a time that must not be shorter than the time step, as forward
            Euler would overshoot.
        whole: Whether it must be a whole number of at least zero.
        choices: The numbers that it may be; any if empty.
        whole_steps: Whether it is a time of whole steps, which may be none.
    """

    default: float | None
    unit: str
    meaning: str
    positive: bool = False
    at_least_dt: bool = False
    whole: bool = False
    choices: tuple[float, ...] = ()
    whole_steps: bool = False


class Event(StrEnum):
    """What a neuron sends in a step.

    ``SPIKE``: one event or none. ``VALUE``: a graded event, a float32 value. ``COUNT``: a whole
    number of spikes, as float32.
    """

    SPIKE = "spike"
    VALUE = "value"
    COUNT = "count"


class Role(StrEnum):
    """What a population does in a network of dense and spiking layers.

    ``ENCODER`` turns values into events that are cheaper to send, ``DECODER`` turns them back.
    """

    INPUT = "input"
    NEURON = "neuron"
    DENSE = "dense"
    ENCODER = "encoder"
    DECODER = "decoder"


class Timing(StrEnum):
    """When a population sends.

    ``FOLLOWS``: in the steps in which its sources do. ``HOLDS``: it takes a value once, and
    sends in as many steps as its population states. ``COLLECTS``: once, in the last of the
    steps in which its sources send.
    """

    FOLLOWS = "follows"
    HOLDS = "holds"
    COLLECTS = "collects"


@dataclass(frozen=True)
class NeuronModel:
    """A neuron model.

    Attributes:
        name: Key in ``NEURON_MODELS``.
        parameters: Parameter name to what it is.
        states: State name to the constant it starts at, or None for zero.
        event: What a neuron sends in a step.
        factors: Constants beyond the parameters: float64 parameters (and ``steps`` and
            ``value_bits`` of the population) and the time step in seconds to factors such as
            dt / tau.
        step: ``step(xp, constants, state, current) -> (state, event)``. ``xp`` is ``numpy``
            or ``jax.numpy``; arrays are float32 [..., *shape]; the event is a bool array for
            spikes, and float32 for values and counts. With several ports, the current is a dict
            of port to array. Models in double precision
            have ``step(xp, constants, state, current, arrived) -> (state, event, updated)``
            on float64 arrays: ``arrived`` says which neurons a synaptic event has reached,
            whatever its weight, and ``updated`` which ones did work.
        role: What it does in a network of dense and spiking layers.
        timing: When it sends.
        precision: Of its constants, states and currents. Networks of ``float64`` models run in
            ``chipletsim.engine.wide``.
        tells_updates: Whether ``updated`` of its step is kept, in ``Activity.updates``.
        ports: Where projections may arrive. The first takes those that name none, and the bias.
        current_unit: Unit of weights and bias: what one event through a weight of 1 gives.
    """

    name: str
    parameters: Mapping[str, Parameter]
    states: Mapping[str, str | None]
    event: Event
    factors: Callable[[dict[str, np.ndarray], float], dict[str, np.ndarray]]
    step: Step
    role: Role = Role.NEURON
    timing: Timing = Timing.FOLLOWS
    precision: Precision = "float32"
    tells_updates: bool = False
    ports: tuple[str, ...] = ("current",)
    current_unit: str = "1"

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """NumPy's type of its constants and states."""
        return np.float64 if self.precision == "float64" else np.float32

    @property
    def spiking(self) -> bool:
        """Whether its events are single spikes."""
        return self.event is Event.SPIKE

    def prepare(
        self,
        parameters: Mapping[str, Any],
        dt_s: float,
        *,
        steps: int | None = None,
        value_bits: int = 0,
    ) -> dict[str, np.ndarray]:
        """Return the constants of ``step``, in the precision of the model.

        Factors are computed once in float64 and rounded once, so that every user of ``step``
        starts from the same bits.

        Args:
            parameters: Parameter name to array; defaults stand in for those left out.
            dt_s: Time step in seconds.
            steps: Steps in which it works on one value; None where it works in every step.
            value_bits: Bits of its events.

        Raises:
            KeyError: A parameter without a default is missing.
        """
        given = {
            name: parameters[name]
            if parameter.default is None
            else parameters.get(name, parameter.default)
            for name, parameter in self.parameters.items()
        }
        exact = {name: np.asarray(value, np.float64) for name, value in given.items()}
        own = {"steps": np.array(steps or 1, float), "value_bits": np.array(value_bits, float)}
        constants = {**exact, **self.factors({**exact, **own}, dt_s)}
        return {name: np.asarray(value, self.dtype) for name, value in constants.items()}

    def initial_state(
        self, constants: Mapping[str, np.ndarray], shape: tuple[int, ...]
    ) -> dict[str, np.ndarray]:
        """Return the states of ``shape`` (leading batch axes allowed) before step 0."""
        return {
            state: np.broadcast_to(
                self.dtype(0) if constant is None else constants[constant], shape
            ).astype(self.dtype)
            for state, constant in self.states.items()
        }


def no_factors(exact: dict[str, np.ndarray], dt_s: float) -> dict[str, np.ndarray]:
    """Return no constants beyond the parameters."""
    return {}


def exact_product(xp: Any, a: Any, b: Any) -> Any:
    """Return ``a * b`` rounded to float32 before anything is added to it.

    XLA on CPUs contracts ``a * b + c`` into one fused multiply-add, which rounds once
    instead of twice, depending on what it fuses with what. The select keeps the product
    apart, so that every schedule and NumPy agree bit for bit.
    """
    product = a * b
    return xp.where(product == product, product, xp.nan)  # noqa: PLR0124 - false for NaN alone


def exact_quotient(xp: Any, a: Any, b: Any) -> Any:
    """Return ``a / b`` as IEEE 754 divides.

    XLA multiplies by the reciprocal where it knows the divisor when it compiles, which rounds
    twice. The select, whose answer it cannot know, hides the divisor from it.
    """
    return a / xp.where(a == a, b, xp.nan)  # noqa: PLR0124 - false for NaN alone


def whole_thresholds(xp: Any, v: Any, threshold: Any) -> tuple[Any, Any]:
    """Return how many thresholds, above 0, membranes hold: as events, and for the reset.

    Both are ``floor(v / threshold)`` where v > 0, else 0. Training follows ``floor`` as if it
    did not round, but not ``trunc``: the reset passes no gradient, as that of single spikes.
    """
    ratio, none = exact_quotient(xp, v, threshold), xp.zeros_like(v)
    return xp.where(v > 0, xp.floor(ratio), none), xp.where(v > 0, xp.trunc(ratio), none)
