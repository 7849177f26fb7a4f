"""Brian2: the very network of a file, with its synapses, start and drive, and its spikes.

Run by ``benchmarks.fidelity.neuroscience`` in the environment of the peers: ``python
brian2_neuroscience.py NETWORK.npz SPIKES.npz``. Prints the seconds of the run as JSON.

All populations are one group of neurons, in double precision. Spikes arrive at the end of a
step. With delta synapses they do so before the threshold is tested: that is Brian's schedule with
``synapses`` moved in front of ``thresholds``, and a delay that is one step shorter. Brian counts
refractory time from the start of the step of a spike, hence one step more. Conductances are
advanced by RK4, or by the trapezoidal rule of chipletsim, as the file asks.
"""

import json
import sys
import time

import brian2 as b2
import numpy as np

EQUATIONS = {
    "lif_refractory": "dv/dt = (v_leak - v) / tau : volt (unless refractory)",
    "cuba_exp": """
dv/dt = (v_leak - v + x + h) / tau : volt (unless refractory)
dx/dt = -x / tau_excitatory : volt
dh/dt = -h / tau_inhibitory : volt
""",
    "coba_exp": """
dv/dt = (g_leak * (v_leak - v) + x * (v_excitatory - v) + h * (v_inhibitory - v)) / capacitance \
: volt (unless refractory)
dx/dt = -x / tau_excitatory : siemens
dh/dt = -h / tau_inhibitory : siemens
""",
}
TRAPEZOIDAL = {
    "equations": "v : volt\nx : siemens\nh : siemens",
    "code": """
half_x = x * exp(-dt / (2 * tau_excitatory))
half_h = h * exp(-dt / (2 * tau_inhibitory))
a = dt / (2 * capacitance) * (g_leak + half_x + half_h)
drive_now = g_leak * v_leak + half_x * v_excitatory + half_h * v_inhibitory
ahead = (v - a * v + dt / capacitance * drive_now) / (1 + a)
v = v + int(not_refractory) * (ahead - v)
x = x * exp(-dt / tau_excitatory)
h = h * exp(-dt / tau_inhibitory)
""",
}
METHODS = {"lif_refractory": "exact", "cuba_exp": "exact", "coba_exp": "rk4"}
VARIABLES = {"": "v", "excitatory": "x", "inhibitory": "h"}
UNITS = {"s": b2.second, "V": b2.volt, "S": b2.siemens, "F": b2.farad}


def main() -> None:
    """Run the network of the file."""
    given = dict(np.load(sys.argv[1], allow_pickle=False))
    plan = json.loads(str(given["plan"]))
    model, dt = plan["model"], plan["dt_s"] * b2.second
    delta, unit = model == "lif_refractory", UNITS[plan["unit"]]
    b2.defaultclock.dt = dt
    constants = {name: value * UNITS[of] for name, (value, of) in plan["parameters"].items()}
    own = plan["scheme"] == "trapezoidal"
    cells = b2.NeuronGroup(
        plan["neurons"],
        TRAPEZOIDAL["equations"] if own else EQUATIONS[model],
        threshold="v > v_threshold",
        reset="v = v_reset",
        refractory=(plan["refractory_steps"] + 1) * dt,
        method=METHODS[model],
        namespace=constants,
    )
    if own:
        cells.run_regularly(TRAPEZOIDAL["code"], when="groups", order=1)
    cells.v = given["v"] * b2.volt
    if not delta:
        cells.x, cells.h = given["e"] * unit, given["i"] * unit
    objects = [cells]
    for number, each in enumerate(plan["projections"]):
        synapses = b2.Synapses(
            cells,
            cells,
            f"w : {'siemens' if plan['unit'] == 'S' else 'volt'} (constant)",
            on_pre=f"{VARIABLES[each['port']]}_post += w",
            delay=(each["delay"] - delta) * dt,
        )
        synapses.connect(i=given[f"source_{number}"], j=given[f"target_{number}"])
        synapses.w = given[f"weight_{number}"] * unit
        objects.append(synapses)
    # Row t holds what arrives from outside at the end of step t.
    cells.namespace["drive"] = b2.TimedArray(given["drive"] * unit, dt=dt)
    held = " * int(not_refractory)" if delta else ""
    cells.run_regularly(f"{VARIABLES[plan['drive_port']]} += drive(t, i){held}", when="synapses")
    monitor = b2.SpikeMonitor(cells)
    network = b2.Network(*objects, monitor)
    if delta:
        network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    start = time.perf_counter()
    network.run(plan["steps"] * dt)
    seconds = time.perf_counter() - start
    step = np.rint(np.asarray(monitor.t / dt)).astype(np.int32)
    np.savez(sys.argv[2], neuron=np.asarray(monitor.i, np.int32), step=step)
    print(json.dumps({"seconds": seconds, "version": b2.__version__}))


if __name__ == "__main__":
    main()
