"""Norse running a NIR file of any origin: ``norse.torch.from_nir(graph, dt=dt)``.

NIR's equations by forward Euler, with these differences: a spike sets the membrane to 0, whatever
``v_reset``; ``r`` of LIF is ignored; IF adds the current itself; nodes run in the order in which
a search in depth meets them, edges as they lie in the file. An edge against that order, of a loop
or of a skip, acts a step later, and what it carries (a bias, too) is missing in step 0.
``delayed_edges`` replace that order. Read in norse 1.1.0, nirtorch 2.6.
"""

from __future__ import annotations

from chipletsim.network.presets.base import (
    Neuron,
    Parameters,
    Part,
    Preset,
    Reading,
    Writing,
    alike,
)


def _lif(neuron: Neuron) -> Reading:
    fields = {name: neuron.array(name) for name in ("tau", "v_leak", "v_threshold")}
    fixed = {"r": alike(fields["tau"], 1.0), "v_reset": alike(fields["tau"], 0.0)}
    return Reading("lif", fields | fixed)


def _cubalif(neuron: Neuron) -> Reading:
    neuron.require("v_leak", 0.0)  # Norse lets the current leak to it, too
    names = ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold")
    fields = {name: neuron.array(name) for name in names}
    fixed = {"w_in": neuron.array("w_in", 1.0), "v_reset": alike(fields["r"], 0.0)}
    return Reading("cubalif", fields | fixed)


def _if(neuron: Neuron) -> Reading:
    return Reading("norse_if", {"v_threshold": neuron.array("v_threshold")})


def _write_if(model: str, parameters: Parameters, dt: float) -> Writing:
    threshold = parameters["v_threshold"]
    return Writing((Part("", "IF", {"r": alike(threshold, 1.0), "v_threshold": threshold}),))


def _write(kind: str, model: str, parameters: Parameters) -> Writing:
    return Writing((Part("", kind, dict(parameters)),))


NORSE_IMPORT = Preset(
    "norse_import",
    {"export_dt_s": None},
    {"LIF": _lif, "CubaLIF": _cubalif, "IF": _if},
    {
        "lif": lambda model, parameters, dt: _write("LIF", model, parameters),
        "cubalif": lambda model, parameters, dt: _write("CubaLIF", model, parameters),
        "norse_if": _write_if,
    },
    late_loops=True,
)
