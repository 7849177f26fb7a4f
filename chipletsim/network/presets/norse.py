"""Norse: ``LIFBoxCell``, ``LIFCell``, ``LIBoxCell`` and ``IAFCell``, as ``to_nir`` writes them.

``to_nir`` writes ``tau = dt / tau_inv`` with its argument ``dt``, 0.001 if left out: time
constants are then a thousand times too small, and ``tau_scale: 1000`` puts them right; with
``dt=1`` they are in seconds. The current of a ``LIFCell`` is used before it decays. ``r`` and
``w_in`` are written as 1, the reset not at all. Read in norse 1.1.0.
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
)

MAX_TAU_S = 1.0
"""Time constants from here on are not believed to be seconds. An estimate: Norse's defaults are
5 ms and 10 ms (recalled), and where time constants count steps they are numbers from 1 on."""


def _lif(neuron: Neuron) -> Reading:
    reset = neuron.options["reset"]
    if reset == "none":
        raise ValueError("Norse knows the resets `zero` (to `v_reset`) and `subtract`")
    parameters = {"dt_tau_inv": _rate(neuron, "tau"), **_common(neuron)}
    if reset == "subtract":
        return Reading("norse_lif_subtract", parameters)
    return Reading("norse_lif", {**parameters, "v_reset": _v_reset(neuron)})


def _cubalif(neuron: Neuron) -> Reading:
    if neuron.options["reset"] != "zero":
        raise ValueError("Norse's LIFCell knows the reset `zero` (to `v_reset`) alone")
    rates = {"dt_tau_mem_inv": _rate(neuron, "tau_mem"), "dt_tau_syn_inv": _rate(neuron, "tau_syn")}
    return Reading("norse_cubalif", {**rates, **_common(neuron), "v_reset": _v_reset(neuron)})


def _li(neuron: Neuron) -> Reading:
    return Reading(
        "norse_li", {"dt_tau_inv": _rate(neuron, "tau"), "v_leak": neuron.array("v_leak")}
    )


def _if(neuron: Neuron) -> Reading:
    if neuron.options["reset"] != "zero" or neuron.options["v_reset"]:
        raise ValueError("Norse's IAFCell knows the reset `zero`, to 0, alone")
    return Reading("norse_if", {"v_threshold": neuron.array("v_threshold")})


def _common(neuron: Neuron) -> Parameters:
    return {name: neuron.array(name) for name in ("v_leak", "v_threshold")}


def _v_reset(neuron: Neuron) -> np.ndarray:
    asked = neuron.options["v_reset"]
    return neuron.array("v_reset", 0.0) if asked is None else np.asarray(asked, np.float32)


def _rate(neuron: Neuron, name: str) -> np.ndarray:
    """Return float32 ``dt / tau``: in float32 as Norse does, where the file holds float32.

    Raises:
        ValueError: A time constant is not positive, or below the time step.
    """
    tau, scale = neuron.node.numbers(name), neuron.options["tau_scale"]
    if not np.all(tau > 0):
        raise ValueError(f"field `{name}` must be greater than 0")
    with np.errstate(over="ignore"):
        if tau.dtype == np.float32:
            rate = np.float32(neuron.dt) * (np.float32(1) / (tau * np.float32(scale)))
        else:
            rate = (neuron.dt / (tau.astype(np.float64) * scale)).astype(np.float32)
    if np.any(rate > 1):
        raise ValueError(
            f"the least {name} is {np.min(tau) * scale:g} s, shorter than the time step of"
            f" {neuron.dt:g} s; Norse's `to_nir` writes time constants 1000 times too small unless"
            " called with dt=1: give the preset `tau_scale: 1000`"
        )
    return rate


def _exports(neuron: Neuron) -> Written:
    fields: Written = {"r": ("", 1.0)}
    if neuron.node.type == "IF":
        return fields | {"v_reset": ("", 0.0)}
    if neuron.node.type == "CubaLIF":
        fields["w_in"] = ("", 1.0)
    for name in ("tau", "tau_mem", "tau_syn"):
        if name in neuron.node.fields:
            tau_s = neuron.node.numbers(name).astype(np.float64) * neuron.options["tau_scale"]
            _refuse_steps(name, tau_s)
    return fields


def _refuse_steps(name: str, tau_s: np.ndarray) -> None:
    """Raise ValueError for time constants that must count something else than seconds."""
    longest_s = np.max(tau_s, where=np.isfinite(tau_s), initial=0.0)
    if longest_s >= MAX_TAU_S:
        raise ValueError(f"{name} is {longest_s:g}, where norse writes seconds below {MAX_TAU_S:g}")


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    ones = alike(next(iter(parameters.values())), 1.0)
    fields = {"r": ones} | {
        name: value for name, value in parameters.items() if not name.startswith("dt_")
    }
    kind, rates = _KINDS[model]
    with np.errstate(divide="ignore"):
        fields |= {field: dt / parameters[name] for name, field in rates.items()}
    if kind == "CubaLIF":
        fields["w_in"] = ones
    reset = "subtract" if model == "norse_lif_subtract" else "zero"
    options = {} if kind == "LI" else {"reset": reset}
    return Writing((Part("", kind, fields),), options)


_KINDS = {
    "norse_lif": ("LIF", {"dt_tau_inv": "tau"}),
    "norse_lif_subtract": ("LIF", {"dt_tau_inv": "tau"}),
    "norse_cubalif": ("CubaLIF", {"dt_tau_mem_inv": "tau_mem", "dt_tau_syn_inv": "tau_syn"}),
    "norse_li": ("LI", {"dt_tau_inv": "tau"}),
    "norse_if": ("IF", {}),
}  # fmt: skip
NORSE = Preset(
    "norse",
    {"reset": "zero", "v_reset": None, "tau_scale": 1.0, "export_dt_s": None},
    {"LIF": _lif, "CubaLIF": _cubalif, "LI": _li, "IF": _if},
    dict.fromkeys(_KINDS, _write),
    exports=_exports,
)
