"""Random networks in Lava's fixed point of Loihi, and NIR files as Lava-DL exports such.

``python lava_networks.py FOLDER SEED ...`` writes files, inputs, spikes, currents and membranes as
those in ``tests/data/nir/lava``. It needs Python 3.10 with ``lava-nc==0.10.0`` and ``nir==1.0.8``.
Layers are ``Dense`` and ``LIF``, joined as ``lava.lib.dl.netx`` joins them; fields of the files are
those of its ``nir_lava.convert_to_nir``, for each neuron. Odd seeds have a loop in the first layer.
"""

import gzip
import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import nir
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor

STEPS = 60
WRAPPING = 100
"""Seeds from this on have states beyond 24 bits."""


def main() -> None:
    """Record the cases."""
    folder, *seeds = sys.argv[1:]
    for seed in map(int, seeds):
        record(Path(folder), seed)


def record(folder: Path, seed: int) -> None:
    """Draw a network, run it and write it."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(9 if seed >= WRAPPING else 4, 12, 3)
    rate = 0.98 if seed >= WRAPPING else 0.4
    inputs = (rng.random((STEPS, sizes[0])) < rate).astype(np.uint8)
    layers = [drawn(rng, seed, *sizes[number : number + 2]) for number in range(2)]
    if seed % 2:
        layers[0]["loop"] = 2 * rng.integers(-60, 60, (sizes[1], sizes[1]))
    found = run(layers, inputs)
    place = folder / f"random_{seed}"
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        nir.write(f"{scratch}/model.nir", graph(layers))
        packed = gzip.compress(Path(scratch, "model.nir").read_bytes(), mtime=0)
    (place / "model.nir.gz").write_bytes(packed)
    np.savez_compressed(place / "io.npz", input=inputs[:, None], **found)
    about = {
        "framework": "lava",
        "preset": "lava_dl",
        "dt": 1e-3,
        "seed": seed,
        "nodes": {f"{2 * number + 2}": {"model": "lava.LIF"} for number in range(2)},
        "versions": {name: version(name) for name in ("lava-nc", "nir")},
    }
    (place / "case.json").write_text(json.dumps(about, indent=1) + "\n")


def drawn(rng: np.random.Generator, seed: int, inputs: int, outputs: int) -> dict:
    """Return a layer in numbers of the device: even weights, decays in 4096ths, a threshold."""
    if seed >= WRAPPING:  # nothing decays, so that currents wrap and membranes stop
        signs = np.sign(rng.normal(0.3, 1, (outputs, 1)))
        weight = (2 * rng.integers(115, 127, (outputs, inputs)) * signs).astype(int)
        return {"weight": weight, "iDecay": 1, "vDecay": 0, "vThMant": 131071}
    return {
        "weight": 2 * rng.integers(-90, 127, (outputs, inputs)),
        "iDecay": int(rng.choice((4096, rng.integers(300, 4096)))),
        "vDecay": int(rng.choice((0, rng.integers(1, 4097)))),
        "vThMant": int(rng.integers(60, 600)),
    }


def run(layers: list, inputs: np.ndarray) -> dict:
    """Return what Lava gives: spikes, currents and membranes of each layer, [steps, 1, n]."""
    source = RingBuffer(data=inputs.T.astype(int))
    port, monitors = source.s_out, {}
    for number, layer in enumerate(layers):
        dense = Dense(weights=layer["weight"], num_weight_bits=8, num_message_bits=0)
        neurons = LIF(
            shape=layer["weight"].shape[:1],
            du=layer["iDecay"] - 1,
            dv=layer["vDecay"],
            vth=layer["vThMant"],
            bias_exp=6,
        )
        port.connect(dense.s_in)
        dense.a_out.connect(neurons.a_in)
        if "loop" in layer:
            loop = Dense(weights=layer["loop"], num_weight_bits=8, num_message_bits=0)
            neurons.s_out.connect(loop.s_in)
            loop.a_out.connect(neurons.a_in)
        port = neurons.s_out
        for key, kept in (("spk", neurons.s_out), ("syn", neurons.u), ("mem", neurons.v)):
            monitors[f"{key}__{2 * number + 2}"] = Monitor()
            monitors[f"{key}__{2 * number + 2}"].probe(kept, STEPS)
    source.run(condition=RunSteps(num_steps=STEPS), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    found = {}
    for name, monitor in monitors.items():
        (kept,) = next(iter(monitor.get_data().values())).values()
        kind = np.uint8 if name.startswith("spk") else np.int32
        found[name] = kept[:, None].astype(kind)
    source.stop()
    return found


def graph(layers: list) -> nir.NIRGraph:
    """Return layers as ``convert_to_nir`` writes them; it knows no loops, which are added."""
    nodes = {"0": nir.Input(layers[0]["weight"].shape[1:])}
    edges, last = [], "0"
    for number, layer in enumerate(layers):
        weights, neurons = f"{2 * number + 1}", f"{2 * number + 2}"
        nodes[weights] = nir.Linear(layer["weight"].astype(float))
        nodes[neurons] = cuba(layer)
        edges += [(last, weights), (weights, neurons)]
        if "loop" in layer:
            nodes["loop"] = nir.Linear(layer["loop"].astype(float))
            edges += [(neurons, "loop"), ("loop", neurons)]
        last = neurons
    nodes["output"] = nir.Output(layers[-1]["weight"].shape[:1])
    return nir.NIRGraph(nodes, [*edges, (last, "output")], type_check=False)


def cuba(layer: dict) -> nir.CubaLIF:
    """Return neurons with the fields of ``nir_lava.read_neuron``."""
    size = layer["weight"].shape[0]
    taus = [1 / each if each else np.inf for each in (layer["iDecay"], layer["vDecay"])]
    fields = {
        "tau_syn": taus[0],
        "tau_mem": taus[1],
        "r": 1.0,
        "v_leak": 0.0,
        "v_threshold": layer["vThMant"],
        "w_in": taus[0],
    }
    return nir.CubaLIF(**{name: np.full(size, value) for name, value in fields.items()})


if __name__ == "__main__":
    main()
