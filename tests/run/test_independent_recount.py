"""Result and tables of whole runs against `recount`, which shares no code with the price."""

import csv
import json
import math
from itertools import product
from math import prod

import numpy as np
import pytest
import yaml
from recount import Recount

import chipletsim as cs
from chipletsim.inputs.make import make_inputs
from chipletsim.mapping.store import load_mapping
from chipletsim.stages import load_experiment, make_network, make_package

pytestmark = pytest.mark.usefixtures("quick_programs")

CORE = {
    "kind": "neurocore", "neurons": 24, "synaptic_memory": "4 KiB", "weight_bits": 6,
    "energy_per_synaptic_op": "11 pJ/op", "time_per_synaptic_op": "4 ns/op",
    "energy_per_neuron_update": "7 pJ/op", "time_per_neuron_update": "5 ns/op",
    "energy_per_spike": "2 pJ/packet", "time_per_spike": "1 ns/packet", "synaptic_lanes": 2,
    "energy_per_message": "1 pJ/packet", "time_per_message": "2 ns/packet", "static_power": "3 mW",
}  # fmt: skip
IO = {
    "kind": "io", "neurons": 200, "energy_per_input": "5 pJ/packet",
    "energy_per_output": "6 pJ/packet", "event_rate": "0.1 Gpacket/s",
}  # fmt: skip
MEMORY = {
    "kind": "memory", "synaptic_memory": "1 MiB", "energy_per_bit": "3 pJ/bit",
    "energy_per_request": "4 pJ/packet", "bandwidth": "2 Gb/s", "access_latency": "30 ns",
}  # fmt: skip
X = {
    "bandwidth": "10 Gb/s", "latency": "2 ns", "flit": "48 bit", "energy_per_bit": "0.1 pJ/bit",
    "energy_per_packet": "1 pJ/packet", "static_power": "1 mW",
}  # fmt: skip
Y = {
    "bandwidth": "1 Gb/s", "latency": "1 ns", "flit": "20 bit", "energy_per_bit": "0.3 pJ/bit",
    "frame": {"payload": "100 bit", "total": "130 bit"},
}  # fmt: skip


def package(core, multicast):
    router = {
        "latency": "1.5 ns", "energy_per_packet": "0.3 pJ/packet", "energy_per_bit": "0.01 pJ/bit",
        "static_power": "1 uW",
    }  # fmt: skip
    grid = {"topology": "mesh", "shape": [2, 2], "link": X, "link_vertical": Y}
    tiles = [{"tile": core, "at": "rest", "per_router": 2}]
    first = [{"tile": IO, "at": [[0, 0]]}, {"tile": MEMORY, "at": [[1, 1]]}, *tiles]
    wide = [{"tile": core, "at": "all"}]
    slow = {"network": grid | {"router": router | {"multicast": False}}, "tiles": first}
    fast = {"network": grid | {"router": router | {"multicast": multicast}}, "tiles": wide}
    places = list(product(range(2), range(3)))
    kinds = {f"d{x}{y}": "slow" if x == y else "fast" for y, x in places}
    return {
        "name": "torus", "barrier": "50 ns", "static_power": "3 mW", "virtual_channels": 8,
        "packet": {"header": "7 bit", "address": "30 bit", "max_payload": "50 bit"},
        "chiplet_types": {"slow": slow | {"static_power": "2 mW"}, "fast": fast},
        "chiplets": {f"d{x}{y}": {"type": kinds[f"d{x}{y}"], "at": [x, y]} for y, x in places},
        "network": {"topology": "torus", "shape": [3, 2], "link": Y, "parallel_links": 2},
    }  # fmt: skip


def synapses(kind, **more):
    return {"kind": kind, "weight": {"normal": {"mean": 1.0, "std": 2.0}, "seed": 1}, **more}


def recurrent(folder):
    """Two loops with delays, which take two rows a step, on routers of both kinds."""
    lif = {"model": "lif", "parameters": {"tau": "3 ms"}}
    edges = [
        ("in", "e", 0, synapses("sparse", probability=0.3)),
        ("in", "i", 2, synapses("sparse", fan_out=3)),
        ("e", "e", 3, synapses("sparse", probability=0.1)),
        ("e", "i", 0, synapses("sparse", probability=0.2)),
        ("i", "e", 1, synapses("dense")),
        ("e", "out", 0, synapses("dense")),
    ]
    network = {
        "name": "loops", "dt": "1 ms",
        "populations": {
            "in": {"shape": [30], "model": "input"},
            "e": {"shape": [80], **lif}, "i": {"shape": [40], **lif},
            "out": {"shape": [5], "model": "li", "parameters": {"tau": "9 ms"}, "output": True},
        },
        "projections": [
            {"source": a, "target": b, "delay": d, "connection": c} for a, b, d, c in edges
        ],
    }  # fmt: skip
    inputs = {"rate_per_step": 0.3, "samples": 3, "steps": 6, "seed": 1}
    return {"package": package(CORE, True), "network": network, "inputs": inputs, "mapping": {}}


def images(folder):
    """Graded inputs, convolutions cut by rows and channels, weights that stand on a memory."""
    np.savez(folder / "images.npz", inputs=np.random.default_rng(0).random((2, 1, 9, 9)))
    lif = {"model": "lif", "parameters": {"tau": "2 ms"}}
    network = {
        "name": "planes", "dt": "1 ms",
        "populations": {
            "in": {"shape": [1, 9, 9], "model": "input"}, "a": {"shape": [2, 5, 5], **lif},
            "b": {"shape": [4, 5, 5], **lif}, "out": {"shape": [6], **lif, "output": True},
        },
        "projections": [
            {"source": "in", "target": "a", "connection": synapses(
                "conv2d", kernel=[3, 3], stride=[2, 2], padding=[1, 1])},
            {"source": "a", "target": "b", "connection": synapses(
                "conv2d", kernel=[3, 3], padding="same", groups=2)},
            {"source": "b", "target": "out", "connection": synapses("dense")},
        ],
    }  # fmt: skip
    encoding = {"kind": "direct", "value_bits": 5}
    inputs = {"dataset": "images.npz", "steps": 5, "encoding": encoding}
    core = CORE | {"neurons": 30, "synaptic_memory": "100 bit"}
    mapping = {"split": {"a": "rows", "b": "channels"}}
    return {"package": package(core, False), "network": network, "inputs": inputs} | {
        "mapping": mapping
    }


def ran(experiment, folder):
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump({"name": "recount", **experiment}))
    made = cs.run(path, out=folder / "runs").folder
    loaded = load_experiment(path)
    network = make_network(loaded)
    mapping = load_mapping(made / "mapping.yaml", network, make_package(loaded))
    activity = cs.simulate(network, make_inputs(loaded, network).events, mapping=mapping)
    raster = {
        name: np.unpackbits(bits, axis=2, count=prod(activity.populations[name]), bitorder="little")
        for name, bits in activity.rasters.items()
    }
    return made, Recount(mapping, raster), raster


def columns(path):
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("experiment", [recurrent, images])
def test_every_figure_is_counted_again(experiment, tmp_path):
    folder, count, raster = ran(experiment(tmp_path), tmp_path)
    result = json.loads((folder / "result.json").read_text())
    tiles, links, steps = (columns(folder / f"{n}.csv") for n in ("tiles", "links", "steps"))
    dies = [link.between_dies for link in count.package.links]

    def same(table, name, column):
        assert [count.total(name, n) for n in range(len(table[column]))] == [
            int(value) for value in table[column]
        ], column

    same(tiles, "operations", "synaptic_operations")
    same(tiles, "updates", "neuron_updates")
    same(tiles, "messages", "messages_received")
    same(tiles, "sent", "spikes_sent")
    same(tiles, "read", "memory_read_bits")
    same(links, "packets", "packets")
    same(links, "flit_bits", "bits")
    wire = [count.wire(n) for n in range(len(dies))]
    assert [int(bits.sum()) for bits in wire] == [int(value) for value in links["wire_bits"]]
    assert [int(b.max()) for b in wire] == [int(value) for value in links["busiest_step_bits"]]
    crossing = sum(bits for bits, between in zip(wire, dies, strict=True) if between)
    by_row = crossing.reshape(count.samples, -1).sum(axis=0)
    assert by_row.tolist() == [int(value) for value in steps["wire_bits_across_dies"]]

    events = result["events"]
    assert events["spikes"] == sum(int(bits.sum()) for bits in raster.values())
    assert events["packets_injected"] == count.total("injected", 0)
    assert events["packets_delivered"] == count.total("delivered", 0)
    assert events["wire_bits_across_dies"] == int(crossing.sum()) > 0
    assert (events["memory_bits"] > 0) == (experiment is images)

    latency = count.latency_s()
    time_s, close = math.fsum(latency.ravel()), {"rel": 1e-12, "abs": 0}
    assert result["latency"]["initiation_interval"] == count.interval
    assert result["latency"]["per_inference_s"] == pytest.approx(time_s / count.samples, **close)
    found = [float(value) for value in steps["mean_latency_s"]]
    assert found == pytest.approx(latency.mean(axis=0).tolist(), **close)

    energy, static_j = count.energies_j(time_s)
    assert result["energy"]["static_j"] == pytest.approx(static_j, **close)
    total_j = math.fsum([*energy["tiles"], *energy["links"], *energy["routers"], static_j])
    assert result["energy"]["total_j"] == pytest.approx(total_j, **close)
    assert result["energy"]["per_inference_j"] == pytest.approx(total_j / count.samples, **close)
    for name, table in (("tiles", tiles), ("links", links)):
        dynamic = [float(value) for value in table["dynamic_energy_j"]]
        assert dynamic == pytest.approx(energy[name], rel=1e-12, abs=1e-15 * total_j)
