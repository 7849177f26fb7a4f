"""Brian2, compiled to C++ standalone: the recurrent network of a file, run and timed.

Run by ``benchmarks.speed`` in the environment of the peers: ``python brian2_recurrent.py
NETWORK.npz THREADS FOLDER``. Prints JSON: seconds of each run of the compiled program (without
building it or making synapses), and spikes.

The same neurons, synapses and weights, in float32, without monitors. A spike adds to the
membrane what makes the next forward Euler step equal to ``v += k (bias + w - v)``.
"""

import json
import sys

import brian2 as b2
import numpy as np
from turns import wait_for_turn


def main() -> None:
    """Run the network of the file."""
    given = np.load(sys.argv[1])
    threads, folder = int(sys.argv[2]), sys.argv[3]
    neurons, k, steps = int(given["neurons"]), float(given["dt_over_tau"]), int(given["steps"])
    b2.prefs.core.default_float_dtype = np.float32
    b2.prefs.devices.cpp_standalone.openmp_threads = threads if threads > 1 else 0
    b2.set_device("cpp_standalone", build_on_run=False)
    b2.defaultclock.dt = 1 * b2.ms
    group = b2.NeuronGroup(
        neurons,
        "dv/dt = (bias - v) / tau : 1\nbias : 1 (constant)",
        threshold="v > 1",
        reset="v = 0",
        method="euler",
        namespace={"tau": 1 / k * b2.ms},
    )
    group.bias = given["bias"]
    synapses = b2.Synapses(group, group, "w : 1 (constant)", on_pre="v_post += w")
    fan_out = int(given["fan_out"])
    synapses.connect(i=np.repeat(np.arange(neurons), fan_out), j=given["targets"])
    synapses.w = given["weights"] * (k / (1 - k))
    monitor = b2.SpikeMonitor(group, record=False)
    network = b2.Network(group, synapses, monitor)
    # A reset comes before the spikes of its step arrive, as where these take a step.
    network.schedule = ["start", "groups", "thresholds", "resets", "synapses", "end"]
    network.run(steps * b2.ms)
    b2.device.build(directory=folder, compile=True, run=False, debug=False)
    times = []
    for _ in range(int(given["repeats"])):
        wait_for_turn()
        b2.device.run(folder, with_output=False, run_args=[])
        times.append(b2.device._last_run_time)
    print(json.dumps({"seconds": times, "spikes": int(monitor.num_spikes)}))


if __name__ == "__main__":
    main()
