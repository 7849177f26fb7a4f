"""Leaky neurons in the order of operations of snnTorch.

Source: snnTorch 1.0.0, ``snntorch.Leaky``, ``RLeaky``, ``Synaptic``, ``RSynaptic`` and ``Alpha``;
Eshraghian et al., "Training spiking neural networks using lessons from deep learning", Proceedings
of the IEEE 111 (2023). Unless said otherwise a neuron is reset one step after its spike: the reset
of a step looks at the membrane that the step before has left. Models that end in ``_now`` are those
of ``reset_delay=False``. Recurrent layers are projections of delay 1, and differ from the others in
``rleaky_zero`` alone.
"""

from __future__ import annotations

from typing import Any

from chipletsim.network.neurons.base import (
    Constants,
    Event,
    NeuronModel,
    Parameter,
    State,
    Step,
    exact_product,
    no_factors,
)


def leaky_subtract_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``Leaky``, ``reset_mechanism="subtract"``: ``v = beta v + I - th H(v - th)``."""
    reset = _above(xp, constants, state["v"])
    v = _subtracted(xp, constants, reset, _decayed(xp, constants, state["v"]) + current)
    return {"v": v}, _above(xp, constants, v)


def leaky_zero_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``Leaky``, ``reset_mechanism="zero"``: ``v = beta (v (1 - H(v - th))) + I``.

    The input of the step in which the membrane is reset stays.
    """
    reset = _above(xp, constants, state["v"])
    v = _decayed(xp, constants, _zeroed(xp, reset, state["v"])) + current
    return {"v": v}, _above(xp, constants, v)


def leaky_none_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``Leaky``, ``reset_mechanism="none"``: ``v = beta v + I``."""
    v = _decayed(xp, constants, state["v"]) + current
    return {"v": v}, _above(xp, constants, v)


def rleaky_zero_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``RLeaky``, ``reset_mechanism="zero"``: ``v = (beta v + I) (1 - H(v - th))``.

    The input of the step in which the membrane is reset is lost, unlike that of ``Leaky``.
    """
    reset = _above(xp, constants, state["v"])
    v = _zeroed(xp, reset, _decayed(xp, constants, state["v"]) + current)
    return {"v": v}, _above(xp, constants, v)


def synaptic_subtract_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``Synaptic``, subtract: ``i = alpha i + I``, then ``v = beta v + i - th H(v - th)``."""
    i = _summed(xp, constants, state, current)
    after, spike = leaky_subtract_step(xp, constants, {"v": state["v"]}, i)
    return {"i": i, **after}, spike


def synaptic_zero_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``Synaptic``, zero: ``i = alpha i + I``, then ``v = (beta v + i) (1 - H(v - th))``."""
    i = _summed(xp, constants, state, current)
    after, spike = rleaky_zero_step(xp, constants, {"v": state["v"]}, i)
    return {"i": i, **after}, spike


def synaptic_none_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``Synaptic``, none: ``i = alpha i + I``, then ``v = beta v + i``."""
    i = _summed(xp, constants, state, current)
    after, spike = leaky_none_step(xp, constants, {"v": state["v"]}, i)
    return {"i": i, **after}, spike


def alpha_subtract_step(
    xp: Any, constants: Constants, state: State, current: Any
) -> tuple[State, Any]:
    """``Alpha``, subtract: ``e = alpha e + I``, ``i = beta i - I``, ``v = gain (e + i)``.

    Where ``v_before > th``, then ``e -= th``, ``v += i_before`` and ``i = 0``: as snnTorch has it.
    """
    reset = _above(xp, constants, state["v"])
    e, i, v = _traces(xp, constants, state, current)
    v = xp.where(reset, v + state["i"], v)
    after = {"v": v, "e": _subtracted(xp, constants, reset, e), "i": _zeroed(xp, reset, i)}
    return after, _above(xp, constants, v)


def alpha_zero_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``Alpha``, zero: as `alpha_subtract_step`, but e, i and v are 0 where ``v_before > th``."""
    reset = _above(xp, constants, state["v"])
    e, i, v = (_zeroed(xp, reset, each) for each in _traces(xp, constants, state, current))
    return {"v": v, "e": e, "i": i}, _above(xp, constants, v)


def alpha_none_step(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
    """``Alpha``, none: as `alpha_subtract_step`, without a reset."""
    e, i, v = _traces(xp, constants, state, current)
    return {"v": v, "e": e, "i": i}, _above(xp, constants, v)


def _traces(xp: Any, constants: Constants, state: State, current: Any) -> tuple[Any, Any, Any]:
    """Return both traces of the current, excitatory and inhibitory, and what is left of them."""
    e = exact_product(xp, constants["alpha"], state["e"]) + current
    i = exact_product(xp, constants["beta"], state["i"]) - current
    return e, i, exact_product(xp, constants["gain"], e + i)


def subtract_now(step: Step) -> Step:
    """Return a step with ``reset_delay=False``: ``v -= d th``, with ``d = S - H(v_before - th)``.

    A neuron that was reset at the start of the step and spikes again is not reset again; one
    that does not gets its threshold back (``d = -1``).
    """

    def now(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
        reset, threshold = _above(xp, constants, state["v"]), constants["v_threshold"]
        after, spike = step(xp, constants, state, current)
        v = after["v"]
        if_spike, if_none = xp.where(reset, v, v - threshold), xp.where(reset, v + threshold, v)
        return {**after, "v": xp.where(spike, if_spike, if_none)}, spike

    now.__doc__ = f"{(step.__doc__ or '').strip()} With ``reset_delay=False``, see `subtract_now`."
    return now


def zero_now(step: Step) -> Step:
    """Return a step with ``reset_delay=False``: ``v -= d v``, with ``d = S - H(v_before - th)``.

    A neuron that was reset at the start of the step and does not spike has ``d = -1``, which
    doubles its membrane in snnTorch; one that starts at 0 never comes to that.
    """

    def now(xp: Any, constants: Constants, state: State, current: Any) -> tuple[State, Any]:
        reset = _above(xp, constants, state["v"])
        after, spike = step(xp, constants, state, current)
        v = after["v"]
        if_spike, if_none = xp.where(reset, v, xp.zeros_like(v)), xp.where(reset, v + v, v)
        return {**after, "v": xp.where(spike, if_spike, if_none)}, spike

    now.__doc__ = f"{(step.__doc__ or '').strip()} With ``reset_delay=False``, see `zero_now`."
    return now


def _above(xp: Any, constants: Constants, v: Any) -> Any:
    """Return ``H(v - th)``, which is 0 at the threshold itself."""
    return xp.greater(v, constants["v_threshold"])


def _decayed(xp: Any, constants: Constants, v: Any) -> Any:
    return exact_product(xp, constants["beta"], v)


def _summed(xp: Any, constants: Constants, state: State, current: Any) -> Any:
    return exact_product(xp, constants["alpha"], state["i"]) + current


def _subtracted(xp: Any, constants: Constants, reset: Any, v: Any) -> Any:
    return xp.where(reset, v - constants["v_threshold"], v)


def _zeroed(xp: Any, reset: Any, v: Any) -> Any:
    return xp.where(reset, xp.zeros_like(v), v)


BETA = Parameter(None, "1", "factor by which the membrane decays in a step")
ALPHA = Parameter(None, "1", "factor by which the synaptic current decays in a step")
THRESHOLD = Parameter(1.0, "1", "spike above this potential")

_LEAKY = {
    "leaky_subtract": leaky_subtract_step,
    "leaky_zero": leaky_zero_step,
    "leaky_none": leaky_none_step,
    "rleaky_zero": rleaky_zero_step,
    "leaky_subtract_now": subtract_now(leaky_subtract_step),
    "leaky_zero_now": zero_now(leaky_zero_step),
    "rleaky_zero_now": zero_now(rleaky_zero_step),
}
_SYNAPTIC = {
    "synaptic_subtract": synaptic_subtract_step,
    "synaptic_zero": synaptic_zero_step,
    "synaptic_none": synaptic_none_step,
    "synaptic_subtract_now": subtract_now(synaptic_subtract_step),
    "synaptic_zero_now": zero_now(synaptic_zero_step),
}
_ALPHA = {
    "alpha_subtract": alpha_subtract_step,
    "alpha_zero": alpha_zero_step,
    "alpha_none": alpha_none_step,
}
_TRACES = {
    "alpha": Parameter(None, "1", "factor by which the excitatory trace decays in a step"),
    "beta": Parameter(None, "1", "factor by which the inhibitory trace decays in a step"),
    "gain": Parameter(
        None, "1", "factor of the membrane; log(alpha) / (log(beta) - log(alpha)) + 1 in snnTorch"
    ),
    "v_threshold": THRESHOLD,
}

SNNTORCH_MODELS = (
    *(
        NeuronModel(
            name,
            {"beta": BETA, "v_threshold": THRESHOLD},
            {"v": None},
            Event.SPIKE,
            no_factors,
            step,
        )
        for name, step in _LEAKY.items()
    ),
    *(
        NeuronModel(
            name,
            {"alpha": ALPHA, "beta": BETA, "v_threshold": THRESHOLD},
            {"i": None, "v": None},
            Event.SPIKE,
            no_factors,
            step,
        )
        for name, step in _SYNAPTIC.items()
    ),
    *(
        NeuronModel(name, _TRACES, {"v": None, "e": None, "i": None}, Event.SPIKE, no_factors, step)
        for name, step in _ALPHA.items()
    ),
)
