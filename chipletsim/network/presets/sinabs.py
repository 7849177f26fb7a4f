"""Sinabs: ``IAF``, ``LIF`` and ``ExpLeak``, as ``to_nir`` writes them; time constants count steps.

Not in the file: whether the input is scaled by ``1 - exp(-1 / tau)``, how many spikes a step may
hold, the reset, and the least membrane potential; ``r`` is always 1. ``from_nir: true`` gives
what ``sinabs.from_nir`` assumes. Read in sinabs 3.1.3.
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


def _spiking(neuron: Neuron) -> Reading:
    options, leaky = neuron.options, neuron.node.type == "LIF"
    if options["reset"] == "none":
        raise ValueError("Sinabs knows the resets `subtract` and `zero`")
    threshold = neuron.array("v_threshold")
    one = alike(neuron.array("r"), 1.0)
    parameters = _leak(neuron) if leaky else {"alpha": one, "gain": one}
    parameters["v_threshold"] = threshold
    if options["v_min"] is not None:
        parameters["v_min"] = np.asarray(options["v_min"], np.float32)
    elif options["from_nir"] and not leaky:
        parameters["v_min"] = -threshold
    return Reading(f"sinabs_{options['reset']}_{options['spikes']}", parameters)


def _expleak(neuron: Neuron) -> Reading:
    return Reading("sinabs_li", _leak(neuron))


def _leak(neuron: Neuron) -> Parameters:
    """Return decay and gain of a leaky neuron."""
    neuron.require("v_leak", 0.0)
    ratio = neuron.ratio("tau")
    alpha = np.exp(-ratio).astype(np.float32)
    if neuron.options["gain"] == "nir":
        return {"alpha": alpha, "gain": neuron.gain("tau").astype(np.float32)}
    norm = neuron.options["norm_input"]
    scaled = not neuron.options["from_nir"] if norm is None else norm
    return {"alpha": alpha, "gain": np.float32(1) - alpha if scaled else alike(alpha, 1.0)}


def _exports(neuron: Neuron) -> Written:
    if neuron.options["from_nir"] or neuron.options["gain"] == "nir":
        return {}  # a file of any origin
    fields: Written = {"r": ("", 1.0), "v_leak": ("", 0.0), "v_reset": ("", 0.0)}
    if neuron.node.type == "IF":
        del fields["v_leak"]
    else:
        neuron.ratio("tau")
    return fields


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    alpha, gain = parameters["alpha"], parameters["gain"]
    reading = model.split("_")
    options: dict[str, object] = {}
    fields = {"r": alike(alpha, 1.0)}
    if model != "sinabs_li":
        options = {"reset": reading[1], "spikes": reading[2]}
        options |= _least(parameters)
        fields["v_threshold"] = parameters["v_threshold"]
        if np.all(alpha == 1) and np.all(gain == 1):
            return Writing((Part("", "IF", fields),), options)
    options["norm_input"] = not np.all(gain == 1)
    with np.errstate(divide="ignore"):
        fields |= {"tau": -dt / np.log(alpha), "v_leak": alike(alpha, 0.0)}
    return Writing((Part("", "LI" if model == "sinabs_li" else "LIF", fields),), options)


def _least(parameters: Parameters) -> dict[str, object]:
    """Return the option that says the least membrane potential; nothing where there is none."""
    least = parameters.get("v_min")
    if least is None or np.all(np.isneginf(least)):
        return {}
    if np.all(least == least.flat[0]):
        return {"v_min": float(least.flat[0])}
    return {"from_nir": True}  # minus the threshold, else the network is not read back


SINABS = Preset(
    "sinabs",
    {
        "reset": "subtract", "spikes": "multi", "norm_input": None, "v_min": None,
        "from_nir": False, "gain": "framework", "export_dt_s": 1.0,
    },
    {"IF": _spiking, "LIF": _spiking, "LI": _expleak},
    dict.fromkeys(
        (
            *(f"sinabs_{reset}_{spikes}" for reset in ("subtract", "zero")
              for spikes in ("multi", "single")),
            "sinabs_li",
        ),
        _write,
    ),
    exports=_exports,
)  # fmt: skip
