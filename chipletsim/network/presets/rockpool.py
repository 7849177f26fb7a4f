"""Rockpool: ``LIFNeuronTorch``, ``LIFTorch`` and ``ExpSynTorch``, as ``to_nir`` writes them.

Several spikes a step, the threshold subtracted for each. The time step is not in the file, but
``r = tau exp(-dt / tau) / dt`` tells it; else ``r`` and ``w_in`` mean nothing. The bias of
neurons and recurrent weights are not exported. Read in rockpool 3.1.0.
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
    Written,
    alike,
    inverse,
)

_TAU = {"LIF": "tau", "CubaLIF": "tau_mem", "LI": "tau"}
_SPREAD = 1e-3


def _lif(neuron: Neuron) -> Reading:
    beta = _decay(neuron, "tau")
    return Reading("rockpool_lif", {"beta": beta, "v_threshold": _threshold(neuron, "tau")})


def _cubalif(neuron: Neuron) -> Reading:
    parameters = {
        "alpha": _decay(neuron, "tau_syn"),
        "beta": _decay(neuron, "tau_mem"),
        "v_threshold": _threshold(neuron, "tau_mem"),
    }
    return Reading("rockpool_cubalif", parameters)


def _expsyn(neuron: Neuron) -> Reading:
    alpha = _decay(neuron, "tau")
    return Reading("sinabs_li", {"alpha": alpha, "gain": alpha})  # i = (i + I) alpha


def _decay(neuron: Neuron, name: str) -> np.ndarray:
    neuron.require("v_leak", 0.0)
    return np.exp(-neuron.ratio(name)).astype(np.float32)


def _threshold(neuron: Neuron, name: str) -> np.ndarray:
    threshold = neuron.array("v_threshold")
    if neuron.options["gain"] == "framework":
        return threshold
    return (threshold / neuron.gain(name)).astype(np.float32)


def _file_dt(nodes: Mapping[str, NirNode], options: Options, dt_s: float) -> float:
    """Return the time step that ``r`` tells.

    Raises:
        ValueError: Nodes tell different ones.
    """
    if options["export_dt_s"] is not None:
        return options["export_dt_s"]
    if options["gain"] == "nir":
        return dt_s
    told = {
        name: _told(node.numbers(_TAU[node.type]), node.numbers("r"))
        for name, node in nodes.items()
        if node.type in _TAU
    }
    if not told:
        return dt_s
    least = min(told, key=lambda name: told[name].min())
    most = max(told, key=lambda name: told[name].max())
    low, high = told[least].min(), told[most].max()
    if not high <= low * (1 + _SPREAD):
        raise ValueError(
            f"r of {least!r} says a time step of {low:g} s, r of {most!r} {high:g} s; Rockpool did"
            " not write this file, or give `export_dt`"
        )
    if not dt_s / (1 + _SPREAD) <= (low + high) / 2 <= dt_s * (1 + _SPREAD):
        raise ValueError(
            f"r of {least!r} says a time step of {low:g} s, but `dt` is {dt_s:g} s; make them"
            " equal, or give `export_dt` if a step shall last longer or shorter"
        )
    return dt_s


def _told(tau: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Return dt of ``r = tau exp(-dt / tau) / dt``, with Newton's method for x = dt / tau."""
    tau, r = np.broadcast_arrays(tau.astype(np.float64), r.astype(np.float64))
    if not (np.all(tau > 0) and np.all(r > 0) and np.all(np.isfinite(tau)) and tau.size):
        raise ValueError("r and tau must be greater than 0, since Rockpool's r tells the time step")
    x = np.log1p(1 / r)
    for _ in range(50):
        x = x - (np.log(x) + x + np.log(r)) / (1 / x + 1)
        x = np.maximum(x, 1e-12)
    return tau * x


def _exports(neuron: Neuron) -> Written:
    if neuron.options["gain"] == "nir":
        return {}  # a file of any origin
    kind = neuron.node.type
    fields: Written = {"v_leak": ("", 0.0), "v_reset": ("", 0.0)}
    if kind == "CubaLIF":
        fields["w_in"] = ("", 1.0)
    ratio = neuron.ratio(_TAU[kind])
    if neuron.options["export_dt_s"] is not None:  # else `_file_dt` has compared them
        fields["r"] = (
            f"{_TAU[kind]} exp(-dt / {_TAU[kind]}) / dt",
            np.exp(-ratio) * inverse(ratio),
        )
    return fields


def _write(model: str, parameters: Parameters, dt: float) -> Writing:
    with np.errstate(divide="ignore"):
        taus = {name: -dt / np.log(parameters[name]) for name in ("alpha", "beta")
                if name in parameters}  # fmt: skip
    tau = taus["alpha" if model == "sinabs_li" else "beta"]
    zero = alike(tau, 0.0)
    fields = {
        "r": tau * np.exp(-dt / tau) / dt,
        "v_leak": zero,
    }
    if model == "sinabs_li":
        return Writing((Part("", "LI", {"tau": tau, **fields}),))
    fields |= {"v_threshold": parameters["v_threshold"], "v_reset": zero}
    if model == "rockpool_lif":
        return Writing((Part("", "LIF", {"tau": tau, **fields}),))
    fields |= {"tau_mem": tau, "tau_syn": taus["alpha"], "w_in": alike(tau, 1.0)}
    return Writing((Part("", "CubaLIF", fields),))


ROCKPOOL = Preset(
    "rockpool",
    {"gain": "framework", "export_dt_s": None},
    {"LIF": _lif, "CubaLIF": _cubalif, "LI": _expsyn},
    {"rockpool_lif": _write, "rockpool_cubalif": _write, "sinabs_li": _write},
    _file_dt,
    fixed_dt=True,
    exports=_exports,
)
