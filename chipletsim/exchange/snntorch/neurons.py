"""snnTorch's neurons as models of the network: their classes, options and parameters.

Source: snnTorch 1.0.0, ``snntorch/_neurons``. Parameters are read as the module uses them: decays
clamped to 0..1, the reset by the function that the module will call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chipletsim.exchange.snntorch.paths import RefusedError
from chipletsim.network.connections import Shape

RESETS = {"_base_sub": "subtract", "_base_zero": "zero", "_base_int": "none"}
"""What a module calls in a step to what its reset is called."""


@dataclass(frozen=True)
class Kind:
    """A class of neurons.

    Attributes:
        states: Its states as arguments, in order after the input; also names of attributes. Those
            in ``MODEL_STATES`` are states of the model, ``spk`` are its spikes of the step before.
        model: Reset (and ``_now`` for one in the same step) to the name of the model.
        decays: Parameter of the model to the attribute that is clamped to 0..1.
        recurrent: Whether its spikes come back to it one step later.
    """

    states: tuple[str, ...]
    model: dict[str, str]
    decays: dict[str, str]
    recurrent: bool = False

    @property
    def model_states(self) -> dict[str, str]:
        """Its states to those of the model."""
        return {name: MODEL_STATES[name] for name in self.states if name in MODEL_STATES}


MODEL_STATES = {"mem": "v", "syn": "i", "syn_exc": "e", "syn_inh": "i"}
"""What a state of a module is called in a model."""


def _models(prefix: str, zero: str = "") -> dict[str, str]:
    resets = {reset: f"{prefix}_{reset}" for reset in RESETS.values()}
    resets["zero"] = f"{zero or prefix}_zero"
    now = {f"{reset}_now": f"{name}_now" for reset, name in resets.items()}
    return {**resets, **now, "none_now": resets["none"]}


LEAKY, SYNAPTIC = {"beta": "beta"}, {"alpha": "alpha", "beta": "beta"}

KINDS: dict[str, Kind] = {
    "Leaky": Kind(("mem",), _models("leaky"), LEAKY),
    "RLeaky": Kind(("spk", "mem"), _models("leaky", "rleaky"), LEAKY, recurrent=True),
    "Synaptic": Kind(("syn", "mem"), _models("synaptic"), SYNAPTIC),
    "RSynaptic": Kind(("spk", "syn", "mem"), _models("synaptic"), SYNAPTIC, recurrent=True),
    "Lapicque": Kind(("mem",), _models("leaky", "rleaky"), {}),
    "Alpha": Kind(("syn_exc", "syn_inh", "mem"), _models("alpha"), SYNAPTIC),
}

REFUSED = {
    "SLSTM": "its gates multiply signals with one another; use `RSynaptic`",
    "SConv2dLSTM": "its gates multiply signals with one another; use `RSynaptic`",
    "LeakyParallel": "it rectifies its membrane, and never resets it; use `Leaky`",
    "StateLeaky": "it takes all steps at once, and never resets; use `Leaky`",
    "LinearLeaky": "it takes all steps at once, and never resets; use `Linear` and `Leaky`",
    "AssociativeLeaky": "it takes all steps at once, and multiplies signals; use `Leaky`",
    "DeltaLeaky": "it spikes at changes of its membrane; use `Leaky`",
    "LeakyKernel": "it rectifies its membrane, and never resets it; use `Leaky`",
}
"""Classes of neurons without a counterpart, and why."""


@dataclass(frozen=True, eq=False)
class Neurons:
    """What neurons of a module compute.

    Attributes:
        model: Name of the model.
        parameters: Parameter to float32 array that broadcasts to their shape.
        input_gain: float64 factor of their input, which broadcasts to their shape.
    """

    model: str
    parameters: dict[str, np.ndarray] = field(default_factory=dict)
    input_gain: np.ndarray = field(default_factory=lambda: np.ones(()))


def kind_name(module: Any, library: Any) -> str | None:
    """Return the class of snnTorch that a module's steps are of; None where it is no neuron.

    Args:
        module: Any module.
        library: The package ``snntorch``.

    Raises:
        RefusedError: It is a neuron that has no counterpart.
    """
    for name, reason in REFUSED.items():
        known = getattr(library, name, None)
        if known is not None and isinstance(module, known):
            raise RefusedError(f"is `snntorch.{name}`: {reason}")
    for name in KINDS:
        known = getattr(library, name)
        if isinstance(module, known):
            changed = [each for each in vars(known) if _replaced(type(module), known, each)]
            if changed:
                raise RefusedError(
                    f"is a subclass of `snntorch.{name}` with a `{changed[0]}` of its own, whose"
                    f" steps are not known; use `snntorch.{name}`"
                )
            return name
    if isinstance(module, library.SpikingNeuron):
        raise RefusedError(
            f"is `{type(module).__name__}`, whose steps are not known; there are counterparts of"
            f" {', '.join(KINDS)}"
        )
    return None


def _replaced(own: type, known: type, name: str) -> bool:
    """Return whether a class computes a step otherwise than its parent."""
    counts = name in ("forward", "fire", "mem_reset") or name.startswith("_base")
    return counts and getattr(own, name) is not getattr(known, name)


def read_neurons(module: Any, name: str, shape: Shape) -> Neurons:
    """Return what the neurons of a module compute.

    Args:
        module: The module.
        name: Its class, a key of ``KINDS``.
        shape: Shape of its neurons.

    Raises:
        RefusedError: An option has no counterpart.
    """
    _refuse_options(module, name)
    kind = KINDS[name]
    reset = _reset(module, name)
    parameters = {
        parameter: spread(_numbers(getattr(module, attribute)).clip(0, 1), shape, attribute)
        for parameter, attribute in kind.decays.items()
    }
    gain = np.ones(())
    if name == "Lapicque":
        beta, gain = _lapicque(module)
        parameters["beta"] = spread(beta, shape, "beta")
        gain = spread(gain, shape, "R").astype(np.float64)
    if name == "Alpha":
        parameters["gain"] = spread(_alpha_gain(module), shape, "alpha")
    parameters["v_threshold"] = spread(_numbers(module.threshold), shape, "threshold")
    return Neurons(kind.model[reset], parameters, gain)


def spread(values: np.ndarray, shape: Shape, attribute: str) -> np.ndarray:
    """Return a parameter as PyTorch broadcasts it to samples of ``shape``, without their axis.

    Raises:
        RefusedError: It does not fit, or differs from sample to sample.
    """
    if values.size == 1:
        return values.reshape(())
    extra = values.ndim - len(shape)
    if extra > 0 and values.shape[:extra] == (1,) * extra:
        values = values.reshape(values.shape[extra:])
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise RefusedError(
            f"has a `{attribute}` of shape {list(values.shape)} for neurons of shape {list(shape)}"
        ) from None


def given_states(
    module: Any, kind: Kind, given: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """Return the states that a module goes on from: those that a call gives, else its own.

    Args:
        module: The module.
        kind: Its class.
        given: Arguments of the call, the input left out.
        named: Arguments of the call by name.

    Raises:
        RefusedError: It keeps its states itself, but is given some.
    """
    states = dict(zip(kind.states, given, strict=False)) | named
    if module.init_hidden and any(value is not None for value in states.values()):
        raise RefusedError("is given states although it has `init_hidden=True`")
    return {
        name: getattr(module, name) if states.get(name) is None else states[name]
        for name in kind.states
    }


def graded_factor(module: Any, shape: Shape) -> np.ndarray:
    """Return the value of a spike, float64 that broadcasts to ``shape``.

    Raises:
        RefusedError: It is 0, or does not fit.
    """
    factor = _numbers(module.graded_spikes_factor)
    if not factor.all():
        raise RefusedError("has a `graded_spikes_factor` of 0, so that its spikes are none")
    return spread(factor, shape, "graded_spikes_factor").astype(np.float64)


def _refuse_options(module: Any, name: str) -> None:
    if module.inhibition:
        raise RefusedError("has `inhibition`: one spike a step for all neurons; set it to False")
    if module.state_quant:
        raise RefusedError("has `state_quant`: its states are rounded; set it to False")
    _require_heaviside(module)


def _require_heaviside(module: Any) -> None:
    """Refuse a surrogate whose forward pass is not ``membrane > threshold``."""
    probe = module.threshold.detach().new_tensor([-3.0, -1e-6, 0.0, 1e-6, 3.0])
    try:
        answer = _numbers(module.spike_grad(probe))
    except Exception as error:
        raise RefusedError(f"has a `spike_grad` that fails: {error}") from None
    if not np.array_equal(answer, [0, 0, 0, 1, 1]):
        raise RefusedError(
            f"has a `spike_grad` that gives {answer.tolist()} for membranes -3, -1e-6, 0, 1e-6, 3"
            " above the threshold; spikes here are 0, 0, 0, 1, 1"
        )


def _reset(module: Any, name: str) -> str:
    """Return the reset, with ``_now`` where it acts in the step of the spike."""
    reset = RESETS.get(getattr(module.state_function, "__name__", ""))
    if reset is None:
        raise RefusedError("has a `state_function` of its own, whose steps are not known")
    stated = list(RESETS.values())[int(module.reset_mechanism_val)]
    if not reset == module.reset_mechanism == stated:
        raise RefusedError(
            f"says `reset_mechanism={module.reset_mechanism!r}` but was made with {reset!r}, which"
            " snnTorch goes on with; make the module anew"
        )
    if getattr(module, "reset_delay", True) or reset == "none":
        return reset
    if name in ("RSynaptic", "Lapicque", "Alpha"):
        raise RefusedError(
            f"has `reset_delay=False`, which snnTorch's {name} does not carry out; use Leaky or"
            " RLeaky, or leave it out"
        )
    return f"{reset}_now"


def _lapicque(module: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return decay and gain of ``v = (1 - dt / RC) v + I R (1 / RC) dt``, as float32 gives them."""
    over = 1 / (module.R * module.C)
    beta = 1 - module.time_step / (module.R * module.C)
    return _numbers(beta), _numbers(module.R * over * module.time_step)


def _alpha_gain(module: Any) -> np.ndarray:
    """Return ``tau_alpha``, the factor of the membrane, as PyTorch's logarithm gives it."""
    alpha, beta = (each.detach().clamp(0, 1).log() for each in (module.alpha, module.beta))
    gain = _numbers(alpha / (beta - alpha) + 1)
    if not np.isfinite(gain).all():
        raise RefusedError("has a membrane that is no number: `alpha` is 0, or the same as `beta`")
    return gain


def _numbers(value: Any) -> np.ndarray:
    """Return a tensor as a float32 array."""
    return np.asarray(value.detach().cpu().numpy(), np.float32)


STATELESS = {
    "any": Neurons("threshold", {"threshold": np.array(0.5, np.float32)}),
    "values": Neurons("current"),
}
"""Neurons that stand for functions.

``any`` spikes where any of its inputs does. ``values`` sends its current.
"""
