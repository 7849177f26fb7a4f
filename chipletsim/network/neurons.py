"""Neuron models: NIR's differential equations, one forward-Euler step at a time.

A model is one step function and one line in ``NEURON_MODELS``. The engine (JAX) and the
reference (NumPy) run the same function, given their own array namespace.

The equations are those of NIR: Pedersen et al., "Neuromorphic intermediate
representation: A unified instruction set for interoperable brain-inspired computing",
Nature Communications 15, 8122 (2024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

State = dict[str, Any]
Constants = dict[str, Any]
Step = Callable[[Any, Constants, State, Any], tuple[State, Any]]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a neuron model.

    Attributes:
        default: Value where none is given; None where one must be given.
        unit: SI unit, ``1`` for plain numbers.
        meaning: What it is.
        positive: Whether it must be greater than zero.
    """

    default: float | None
    unit: str
    meaning: str
    positive: bool = False


@dataclass(frozen=True)
class NeuronModel:
    """A neuron model.

    Attributes:
        name: Key in ``NEURON_MODELS``.
        parameters: Parameter name to what it is.
        states: State name to the constant it starts at, or None for zero.
        spiking: Whether its events are spikes (else graded values).
        factors: Constants beyond the parameters: float64 parameters and the time step in
            seconds to factors such as dt / tau.
        step: ``step(xp, constants, state, current) -> (state, event)``. ``xp`` is ``numpy``
            or ``jax.numpy``; arrays are float32 [..., *shape]; the event is a bool array for
            spiking models and the float32 value for graded ones.
    """

    name: str
    parameters: Mapping[str, Parameter]
    states: Mapping[str, str | None]
    spiking: bool
    factors: Callable[[dict[str, np.ndarray], float], dict[str, np.ndarray]]
    step: Step

    def prepare(self, parameters: Mapping[str, Any], dt_s: float) -> dict[str, np.ndarray]:
        """Return the float32 constants of ``step``.

        Factors are computed once in float64 and rounded to float32, so that every user of
        ``step`` starts from the same bits.

        Args:
            parameters: Parameter name to array; defaults stand in for those left out.
            dt_s: Time step in seconds.

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
        constants = {**exact, **self.factors(exact, dt_s)}
        return {name: np.asarray(value, np.float32) for name, value in constants.items()}

    def initial_state(
        self, constants: Mapping[str, np.ndarray], shape: tuple[int, ...]
    ) -> dict[str, np.ndarray]:
        """Return the float32 states of ``shape`` (leading batch axes allowed) before step 0."""
        return {
            state: np.broadcast_to(
                np.float32(0) if constant is None else constants[constant], shape
            ).astype(np.float32)
            for state, constant in self.states.items()
        }


def exact_product(xp: Any, a: Any, b: Any) -> Any:
    """Return ``a * b`` rounded to float32 before anything is added to it.

    XLA on CPUs contracts ``a * b + c`` into one fused multiply-add, which rounds once
    instead of twice, depending on what it fuses with what. The select keeps the product
    apart, so that every schedule and NumPy agree bit for bit.
    """
    product = a * b
    return xp.where(product == product, product, xp.nan)  # noqa: PLR0124 - false for NaN alone


def input_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Pass the input on as the event: input channels hold no state."""
    return state, current


def if_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance integrate-and-fire neurons: ``dv/dt = r I`` (NIR ``IF``).

    Forward Euler: ``v += (dt r) I``; a spike where ``v > v_threshold``, then
    ``v = v_reset``. The gain ``dt r`` is one factor, so ``r = 1 / dt`` adds ``I`` exactly.
    """
    v = state["v"] + exact_product(xp, constants["gain"], current)
    spike, v = _fire(xp, constants, v)
    return {"v": v}, spike


def lif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky neurons: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LIF``).

    Forward Euler: ``v += (dt / tau) ((v_leak - v) + r I)``; a spike where
    ``v > v_threshold``, then ``v = v_reset``.
    """
    v = _leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    spike, v = _fire(xp, constants, v)
    return {"v": v}, spike


def cubalif_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance current-based leaky neurons (NIR ``CubaLIF``).

    ``tau_syn di/dt = w_in I - i`` and ``tau_mem dv/dt = (v_leak - v) + r i``. Forward
    Euler, the current first: ``i += (dt / tau_syn) (w_in I - i)``, then
    ``v += (dt / tau_mem) ((v_leak - v) + r i)``; a spike where ``v > v_threshold``, then
    ``v = v_reset``.
    """
    drive = exact_product(xp, constants["w_in"], current) - state["i"]
    i = state["i"] + exact_product(xp, constants["dt_over_tau_syn"], drive)
    v = _leak(xp, constants, constants["dt_over_tau_mem"], state["v"], i)
    spike, v = _fire(xp, constants, v)
    return {"i": i, "v": v}, spike


def li_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """Advance leaky integrators: ``tau dv/dt = (v_leak - v) + r I`` (NIR ``LI``).

    Forward Euler as for ``lif_step``, without spikes; the value ``v`` is the graded output.
    """
    v = _leak(xp, constants, constants["dt_over_tau"], state["v"], current)
    return {"v": v}, v


def _leak(xp: Any, constants: Constants, factor: Any, v: Any, current: Any) -> Any:
    """Return ``v + factor ((v_leak - v) + r current)``, each product rounded."""
    drive = (constants["v_leak"] - v) + exact_product(xp, constants["r"], current)
    return v + exact_product(xp, factor, drive)


def _fire(xp: Any, constants: Constants, v: Any) -> tuple[Any, Any]:
    """Return the spikes of ``v`` and ``v`` after reset in the same step."""
    spike = xp.greater(v, constants["v_threshold"])
    return spike, xp.where(spike, constants["v_reset"], v)


def _ratio_to_dt(*names: str) -> Callable[[dict[str, np.ndarray], float], dict[str, np.ndarray]]:
    """Return the factors ``dt_over_NAME`` for time constants called ``names``."""
    return lambda exact, dt_s: {f"dt_over_{name}": dt_s / exact[name] for name in names}


_RESISTANCE = Parameter(1.0, "1", "gain of the input current")
_LEAK = Parameter(0.0, "1", "potential that v decays to, and starts from")
_FIRING = {
    "v_threshold": Parameter(1.0, "1", "spike above this potential"),
    "v_reset": Parameter(0.0, "1", "potential after a spike"),
}

NEURON_MODELS: dict[str, NeuronModel] = {
    model.name: model
    for model in (
        NeuronModel("input", {}, {}, True, lambda exact, dt_s: {}, input_step),
        NeuronModel(
            "if",
            {"r": Parameter(1.0, "1/s", "gain of the input current"), **_FIRING},
            {"v": None},
            True,
            lambda exact, dt_s: {"gain": dt_s * exact["r"]},
            if_step,
        ),
        NeuronModel(
            "lif",
            {
                "tau": Parameter(None, "s", "membrane time constant", positive=True),
                "r": _RESISTANCE,
                "v_leak": _LEAK,
                **_FIRING,
            },
            {"v": "v_leak"},
            True,
            _ratio_to_dt("tau"),
            lif_step,
        ),
        NeuronModel(
            "cubalif",
            {
                "tau_syn": Parameter(None, "s", "synaptic time constant", positive=True),
                "tau_mem": Parameter(None, "s", "membrane time constant", positive=True),
                "r": _RESISTANCE,
                "v_leak": _LEAK,
                "w_in": Parameter(1.0, "1", "gain of the synaptic input"),
                **_FIRING,
            },
            {"i": None, "v": "v_leak"},
            True,
            _ratio_to_dt("tau_syn", "tau_mem"),
            cubalif_step,
        ),
        NeuronModel(
            "li",
            {
                "tau": Parameter(None, "s", "membrane time constant", positive=True),
                "r": _RESISTANCE,
                "v_leak": _LEAK,
            },
            {"v": "v_leak"},
            False,
            _ratio_to_dt("tau"),
            li_step,
        ),
    )
}
