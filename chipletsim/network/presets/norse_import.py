"""Norse running a NIR file of any origin: ``norse.torch.from_nir(graph, dt=dt)``.

NIR's equations by forward Euler, with these differences: a spike sets the membrane to 0, whatever
``v_reset``; ``r`` of LIF is ignored; IF adds the current itself; nodes run in the order in which
a search in depth meets them, edges as they lie in the file. An edge against that order, of a loop
or of a skip, acts a step later, and what it carries (a bias, too) is missing in step 0.
``delayed_edges`` replace that order. Read in norse 1.1.0, nirtorch 2.6.
"""

from __future__ import annotations

import numpy as np

from chipletsim.network.nir.delays import against_depth_first
from chipletsim.network.presets.base import (
    Neuron,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    alike,
)

_TIME_CONSTANTS = ("tau_syn", "tau_mem")


def _lif(neuron: Neuron) -> Reading:
    fields = {name: neuron.array(name) for name in ("tau", "v_leak", "v_threshold")}
    fixed = {"r": alike(fields["tau"], 1.0), "v_reset": alike(fields["tau"], 0.0)}
    return Reading("lif", fields | fixed)


def _cubalif(neuron: Neuron) -> Reading:
    if np.any(neuron.array("v_leak")):
        return _leaky_current(neuron)
    names = ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold")
    fields = {name: neuron.array(name) for name in names}
    fixed = {"w_in": neuron.array("w_in", 1.0), "v_reset": alike(fields["r"], 0.0)}
    return Reading("cubalif", fields | fixed)


def _leaky_current(neuron: Neuron) -> Reading:
    """Return a neuron whose current leaks to ``v_leak``, as Norse has it."""
    fields = {name: neuron.array(name) for name in ("r", "v_leak", "v_threshold")}
    fields["w_in"] = neuron.array("w_in", 1.0)
    factors = {f"dt_{name}_inv": neuron.ratio(name) for name in _TIME_CONSTANTS}
    return Reading("norse_import_cubalif", fields | factors)


def _if(neuron: Neuron) -> Reading:
    return Reading("norse_if", {"v_threshold": neuron.array("v_threshold")})


def _write_if(model: str, parameters: Parameters, dt: float) -> Writing:
    threshold = parameters["v_threshold"]
    return Writing((Part("", "IF", {"r": alike(threshold, 1.0), "v_threshold": threshold}),))


def _write_leaky_current(model: str, parameters: Parameters, dt: float) -> Writing:
    fields = {name: parameters[name] for name in ("r", "w_in", "v_leak", "v_threshold")}
    fields |= {name: dt / parameters[f"dt_{name}_inv"] for name in _TIME_CONSTANTS}
    return Writing((Part("", "CubaLIF", fields),))


def _write(kind: str, model: str, parameters: Parameters) -> Writing:
    return Writing((Part("", kind, dict(parameters)),))


NORSE_IMPORT = Preset(
    "norse_import",
    {"export_dt_s": None},
    {"LIF": _lif, "CubaLIF": _cubalif, "IF": _if},
    {
        "lif": lambda model, parameters, dt: _write("LIF", model, parameters),
        "cubalif": lambda model, parameters, dt: _write("CubaLIF", model, parameters),
        "norse_import_cubalif": _write_leaky_current,
        "norse_if": _write_if,
    },
    late_edges=against_depth_first,
)
