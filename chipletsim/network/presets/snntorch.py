"""snnTorch: ``Leaky``, ``Synaptic`` and their recurrent kinds, as ``export_to_nir`` writes them.

Its exporter has a time step of 0.1 ms in it: ``tau = dt / (1 - beta)``, ``r = tau / dt`` and
``w_in = tau_syn / dt``, so that the gain of a current is 1. Where it is not (a file of another
framework), the threshold is divided by it, as ``import_from_nir`` does. ``v_reset`` is ignored:
0 is written whatever the reset. Read in snntorch 1.0.0.
"""

from __future__ import annotations

import numpy as np

from chipletsim.network.presets.base import (
    Neuron,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    Written,
    alike,
    inverse,
    time_constant,
)

EXPORT_DT_S = 1e-4
_NEAR_ONE = 1e-4


def _leaky(neuron: Neuron) -> Reading:
    neuron.require("v_leak", 0.0)
    beta = neuron.decay("tau")
    threshold = _threshold(neuron, neuron.gain("tau"))
    return Reading(_model(neuron, "leaky"), {"beta": beta, "v_threshold": threshold})


def _synaptic(neuron: Neuron) -> Reading:
    neuron.require("v_leak", 0.0)
    alpha, beta = neuron.decay("tau_syn"), neuron.decay("tau_mem")
    gain = neuron.gain("tau_mem") * neuron.gain_of_inputs()
    parameters = {"alpha": alpha, "beta": beta, "v_threshold": _threshold(neuron, gain)}
    return Reading(_model(neuron, "synaptic"), parameters)


def _threshold(neuron: Neuron, gain: np.ndarray) -> np.ndarray:
    """Return the threshold for a gain of 1; infinite time constants have that gain."""
    threshold = neuron.array("v_threshold")
    gain = np.where(np.isnan(gain), 1.0, gain)
    if np.all(np.abs(gain - 1) < _NEAR_ONE):
        return threshold
    if not np.all(gain > 0):
        raise ValueError("the gain r dt / tau must be greater than 0")
    return (threshold / gain).astype(np.float32)


def _model(neuron: Neuron, kind: str) -> str:
    """Return the model of a class and its options; ``none`` has nothing to delay."""
    reset, later = neuron.options["reset"], neuron.options["reset_delay"]
    asked = neuron.options["recurrent"]
    recurrent = neuron.recurrent if asked is None else asked
    own = "rleaky" if kind == "leaky" and reset == "zero" and recurrent else kind
    return f"{own}_{reset}" if later or reset == "none" else f"{own}_{reset}_now"


def _exports(neuron: Neuron) -> Written:
    leaky = neuron.node.type == "LIF"
    tau = "tau" if leaky else "tau_mem"
    fields: Written = {
        "r": (f"{tau} / dt", inverse(neuron.ratio(tau))), "v_leak": ("", 0.0), "v_reset": ("", 0.0),
    }  # fmt: skip
    if not leaky:
        fields["w_in"] = ("tau_syn / dt", inverse(neuron.ratio("tau_syn")))
    return fields


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    kind, reset, *now = model.split("_")
    options = {"reset": reset, "reset_delay": not now}
    if reset == "zero" and kind != "synaptic":
        options["recurrent"] = kind == "rleaky"
    tau = time_constant(parameters["beta"], dt)
    zero = alike(tau, 0.0)
    fields = {
        "r": tau / dt,
        "v_leak": zero,
        "v_threshold": parameters["v_threshold"],
        "v_reset": zero,
    }
    if kind != "synaptic":
        return Writing((Part("", "LIF", {"tau": tau, **fields}),), options)
    tau_syn = time_constant(parameters["alpha"], dt)
    fields |= {"tau_mem": tau, "tau_syn": tau_syn, "w_in": tau_syn / dt}
    return Writing((Part("", "CubaLIF", fields),), options)


SNNTORCH = Preset(
    "snntorch",
    {"reset": "subtract", "reset_delay": True, "recurrent": None, "export_dt_s": EXPORT_DT_S},
    {"LIF": _leaky, "CubaLIF": _synaptic},
    dict.fromkeys(
        (
            *(f"{kind}_{reset}" for kind in ("leaky", "synaptic")
              for reset in ("subtract", "zero", "none", "subtract_now", "zero_now")),
            "rleaky_zero",
            "rleaky_zero_now",
        ),
        _write,
    ),
    exports=_exports,
)  # fmt: skip
