"""Lava-DL: ``slayer.neuron.cuba``, and Lava's LIF in the fixed point of Loihi that it deploys to.

Exact, in every bit of spikes, currents and membranes (run beside lava-nc 0.10.0):

* CubaLIF of ``netx.nir_lava.convert_to_nir``: ``tau = 1 / decay`` with decays in 4096ths,
  ``r = 1``, ``w_in = tau_syn``; weights and thresholds are the whole numbers of the device. They
  are told by those gains, so that dt is 1/4096. States are in 64ths of a weight.
* Each layer, and each loop, acts a step later: SLAYER's ``delay_shift``, Lava's ``Dense``.

Read in the source, and not run (Lava-DL is on no package index; lava-nc/lava-dl, commits
1789ef9 of ``cuba.py``, 04189ec of ``base.py``, 56a0dcd of ``leaky_integrator.py``, 4427934 of
``nir_lava.py``):

* CubaLIF of gain 1 (``r = tau_mem / dt``, ``w_in = tau_syn / dt``), as the NIR paper's readers run
  it in SLAYER: decays are rounded to 4096ths, thresholds cut to 1 / scale, currents to
  1 / (64 scale). Another ``w_in`` divides the threshold. dt is told by ``r``.
* IF with ``r = 1``: the paper's reader for Sinabs' network. It runs without the step of delay:
  ``delay_shift: false``, and ``scale: 4096``.

Not exact: a bias is a current here that comes with the inputs, as in SLAYER's synapses; netx adds
it to the membrane, a step sooner. Currents and membranes have 24 bits, as in Lava; SLAYER's
have more. A LIF is no neuron of Lava-DL's readers: it is read as a CUBA neuron without a
synaptic time constant, its gain ``r dt / tau`` in the threshold. Not in a file: graded spikes,
axonal delays, the neuron of an input layer; the paper's 1 % of jitter of decays is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chipletsim.network.nir.graph import NirNode
from chipletsim.network.presets.base import (
    Neuron,
    Options,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    alike,
)

UNITY = 4096
"""A decay of 1 on the device: ``p_scale`` of SLAYER."""
STATE_BITS = 64
"""Units of the states in one of the weights: ``s_scale / w_scale``, Lava's ``act_shift`` of 6."""
_NEAR = 1e-6


def _cubalif(neuron: Neuron) -> Reading:
    _demand_rest(neuron)
    decays = {
        "current_decay": _decay(neuron.ratio("tau_syn")),
        "voltage_decay": _decay(neuron.ratio("tau_mem")),
    }
    threshold = neuron.node.numbers("v_threshold").astype(np.float64)
    if _of_device(neuron.node):
        return _reading(neuron, decays, threshold, device=True)
    if not np.all(np.isclose(_gain(neuron.gain("tau_mem")), 1, rtol=_NEAR)):
        raise ValueError(
            f"`r` must be tau_mem / dt, for dt = {neuron.dt:g} s, or 1 with w_in = tau_syn as"
            " Lava-DL writes; its neurons have no other gain: check `export_dt`"
        )
    return _reading(neuron, decays, _over(threshold, _gain(neuron.gain_of_inputs())))


def _lif(neuron: Neuron) -> Reading:
    _demand_rest(neuron)
    threshold = neuron.node.numbers("v_threshold").astype(np.float64)
    decays = {
        "current_decay": alike(threshold, UNITY),
        "voltage_decay": _decay(neuron.ratio("tau")),
    }
    return _reading(neuron, decays, _over(threshold, _gain(neuron.gain("tau"))))


def _if(neuron: Neuron) -> Reading:
    _demand_rest(neuron)
    neuron.require("r", 1.0)
    threshold = neuron.node.numbers("v_threshold").astype(np.float64)
    decays = {"current_decay": alike(threshold, UNITY), "voltage_decay": alike(threshold, 0.0)}
    return _reading(neuron, decays, threshold)


def _reading(
    neuron: Neuron, decays: Parameters, threshold: np.ndarray, *, device: bool = False
) -> Reading:
    """Return the model; the threshold is in units of the weights, which may be the device's."""
    scale = 1 if device else neuron.options["scale"]
    whole = np.trunc(threshold * scale) * STATE_BITS
    if np.any(whole <= 0):
        raise ValueError(
            f"the least threshold is {np.min(threshold):g}, which is cut to a multiple of"
            f" 1/{scale} in fixed point; give the preset a greater `scale`"
        )
    # SLAYER adds a hundredth, in float32, so that the threshold itself does not spike.
    reach = whole + 1 if device else np.ceil((whole + 0.01).astype(np.float32))
    given = {**decays, "reach": reach, "units": alike(threshold, STATE_BITS * scale)}
    parameters = {name: np.asarray(each, np.float32) for name, each in given.items()}
    return Reading("lava_cubalif", parameters, int(neuron.options["delay_shift"]))


def _decay(ratio: np.ndarray) -> np.ndarray:
    """Return a decay in 4096ths, rounded as ``slayer.utils.quantize`` does in float32."""
    return np.rint((ratio * UNITY).astype(np.float32))


def _of_device(node: NirNode) -> bool:
    """Whether a CubaLIF is one that Lava-DL wrote, in whole numbers of the device."""
    r, w_in = node.numbers("r"), node.numbers("w_in", 1.0)
    same = np.isclose(w_in, node.numbers("tau_syn"), rtol=_NEAR)
    threshold = node.numbers("v_threshold")
    return bool(np.all(r == 1) and np.all(same) and np.all(threshold == np.rint(threshold)))


def _gain(gain: np.ndarray) -> np.ndarray:
    """Return a gain; 1 where it is that of an infinite time constant."""
    return np.where(np.isnan(gain), 1.0, gain)


def _over(threshold: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Return the threshold for a gain of 1."""
    if not np.all(gain > 0):
        raise ValueError("the gain of its input must be greater than 0")
    return np.where(np.isclose(gain, 1, rtol=_NEAR), threshold, threshold / gain)


def _demand_rest(neuron: Neuron) -> None:
    """Raise ValueError unless a neuron rests at 0, and is reset to it."""
    if neuron.node.type != "IF":
        neuron.require("v_leak", 0.0)
    neuron.require("v_reset", 0.0)


def _file_dt(nodes: Mapping[str, NirNode], options: Options, dt_s: float) -> float:
    """Return the time step that gains tell, else that of the network.

    Raises:
        ValueError: Nodes tell different ones.
    """
    if options["export_dt_s"] is not None:
        return options["export_dt_s"]
    told = {name: dt for name, node in nodes.items() if (dt := _told(node)) is not None}
    if not told:
        return dt_s
    least, most = min(told, key=told.__getitem__), max(told, key=told.__getitem__)
    if told[most] > told[least] * (1 + _NEAR):
        raise ValueError(
            f"gains of {least!r} say a time step of {told[least]:g} s, those of {most!r}"
            f" {told[most]:g} s; give `export_dt`"
        )
    return told[least]


def _told(node: NirNode) -> float | None:
    """Return the time step that a CubaLIF tells; None where it tells none."""
    if node.type != "CubaLIF":
        return None
    if _of_device(node):
        return 1 / UNITY
    with np.errstate(divide="ignore", invalid="ignore"):
        dt = np.ravel(node.numbers("tau_mem").astype(np.float64) / node.numbers("r"))
    return float(dt[0]) if dt.size and np.isfinite(dt[0]) and dt[0] > 0 else None


def _note(nodes: Mapping[str, NirNode], options: Options) -> str:
    """Say what Lava does otherwise, or does not do at all."""
    notes = ["states in 24 bits, cut towards zero"]
    biased = any(np.any(node.fields.get("bias", 0.0)) for node in nodes.values())
    if biased:
        notes.append("biases are currents, as in SLAYER; netx adds them to membranes")
    if any(node.type == "LIF" for node in nodes.values()):
        notes.append("LIF is none of Lava-DL's: read as CUBA with its gain in the threshold")
    return "; ".join(notes)


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    """Return a CubaLIF as ``convert_to_nir`` writes it, or of gain 1 where states are finer.

    Delays of layers are those of the network, which become nodes.
    """
    reach, units = parameters["reach"], parameters["units"]
    scale = round(float(units.flat[0])) // STATE_BITS
    with np.errstate(divide="ignore"):
        taus = {
            f"tau_{kind}": dt * UNITY / parameters[f"{name}_decay"]
            for kind, name in (("syn", "current"), ("mem", "voltage"))
        }
    zero = alike(reach, 0.0)
    threshold = np.floor(reach / STATE_BITS) / scale
    fields = {**taus, "v_leak": zero, "v_reset": zero, "v_threshold": threshold}
    if scale == 1:
        fields |= {"r": alike(reach, 1.0), "w_in": taus["tau_syn"]}
        return Writing((Part("", "CubaLIF", fields),), {"delay_shift": False})
    fields |= {"r": taus["tau_mem"] / dt, "w_in": taus["tau_syn"] / dt}
    return Writing((Part("", "CubaLIF", fields),), {"scale": scale, "delay_shift": False})


LAVA_DL = Preset(
    "lava_dl",
    {"scale": 64, "delay_shift": True, "export_dt_s": None},
    {"CubaLIF": _cubalif, "IF": _if, "LIF": _lif},
    {"lava_cubalif": _write},
    _file_dt,
    fixed_dt=True,
    note=_note,
)
