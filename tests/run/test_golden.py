"""Every figure of a tiny run, worked out by hand.

Spikes. Inputs spike (1, 1) in step 0 and (1, 0) in step 1; hidden copies them; the answer
spikes in step 0 alone, since it needs 2 > 1.5, and keeps nothing from step 0 after reset.

    events                3 input + 3 hidden + 1 answer             =   7
    synaptic operations   3 x 2 (zero weights count) + 3 x 1        =   9
    neuron updates        2 steps x (2 hidden + 1 answer)           =   6
    packets               each event has one destination            =   7
    bits on chip          20 bits are two 10-bit flits: (3 + 1) x 20 =  80
    bits across dies      20 bits are two 16-bit flits: (3 + 1) x 32 = 128

Energy in pJ.

    synaptic operations   9 x 11                                    =  99
    neuron updates        6 x 7                                     =  42
    messages              io 3 x 5 + 1 x 6, cores 4 x 2 + 6 x 1     =  35
    routers               (3 x 2 + 3 x 2 + 1 x 3 entered) x 3       =  45
    on-chip links         80 x 1                                    =  80
    die-to-die            east 96 x 2, west 32 x 2                  = 256
    static                1 mW x 543 ns                             = 543

Latency in ns: populations start in rows 0, 1 and 2, so two steps take four rows. A hop
takes 1 + 1 + 2 on chip and 16 + 5 + 2 between dies, after 2 in the first router.

    row 0   west core: 4 operations x 4 + 2 messages x 2            =  20
    row 1   link to the east: 2 + 64 bit / 1 Gb/s + 5 + 2           =  73
    row 2   link to the west: 2 + 32 + 5 + 2 + 4 on to the io tile  =  45
    row 3   east core: one update                                   =   5
    barriers 4 x 100                                                = 400, sum 543
"""

import csv

import pytest
import yaml
from golden import DEVICE, experiment

import chipletsim as cs
from chipletsim.spec.experiment import ExperimentSpec
from chipletsim.spec.load import load_spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden")
    file = folder / "golden.yaml"
    file.write_text(yaml.safe_dump(experiment(folder)))
    return cs.run(file, out=folder / "runs")


def test_events(finished):
    assert finished.summary["events"] == {
        "spikes": 7, "synaptic_operations": 9, "neuron_updates": 6, "messages": 7,
        "packets_injected": 7, "packets_copied": 0, "packets_delivered": 7,
        "hops": 3 * 1 + 3 * 1 + 2, "bits_on_chip": 80, "bits_across_dies": 128,
        "wire_bits_on_chip": 80, "wire_bits_across_dies": 128, "memory_bits": 0,
    }  # fmt: skip


def test_energy(finished):
    by_component = finished.summary["energy"]["by_component_j"]
    expected = {
        "synaptic_operations": 99, "neuron_updates": 42, "messages": 35, "routers": 45,
        "on-chip links": 80, "die-to-die west(1,0)>east(0,0)": 192,
        "die-to-die east(0,0)>west(1,0)": 64, "static": 543,
    }  # fmt: skip
    assert {key: value * 1e12 for key, value in by_component.items()} == pytest.approx(expected)
    assert finished.summary["energy"]["total_j"] == pytest.approx(1100e-12, rel=1e-12, abs=0)
    assert finished.summary["energy"]["per_inference_j"] == pytest.approx(
        1100e-12, rel=1e-12, abs=0
    )


def test_latency(finished):
    latency = finished.summary["latency"]
    assert latency["hardware_steps"] == 4
    assert latency["per_inference_s"] == pytest.approx(543e-9, rel=1e-12, abs=0)
    assert latency["terms_s"] == pytest.approx(
        {"barriers": 400e-9, "neurocore tiles": 25e-9, "die-to-die links": 118e-9}
    )
    with (finished.folder / "steps.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["mean_latency_s"]) * 1e9 for row in rows] == pytest.approx(
        [120, 173, 145, 105]
    )
    assert [int(row["spikes"]) for row in rows] == [2, 1 + 2, 1 + 1, 0]


def test_accuracy(finished):
    assert finished.summary["accuracy"] == {
        "value": 1.0, "correct": 1, "samples": 1, "ties": 0, "population": "answer",
    }  # fmt: skip


def test_boundaries(finished):
    """Two hidden values go east, one answer goes west; 8 bits each, in one step or two."""
    found = cs.Comparison.from_dict(finished.summary["comparison"]).boundaries
    assert [(b.source, b.target, b.populations) for b in found] == [
        ("west", "east", ("hidden",)),
        ("east", "west", ("answer",)),
    ]
    assert [b.spike_bits for b in found] == [96, 32]
    assert [b.ann_bits for b in found] == [16, 8]
    assert [b.dense_bits for b in found] == [32, 16]
    assert [b.bitmap_bits for b in found] == [4, 2]


def test_dense_device(finished):
    """ANN: 4 + 2 multiply-accumulates; (4 + 2 + 2) and (2 + 2 + 1) values of 16 bits."""
    own, stepwise, folded, ann = cs.Comparison.from_dict(finished.summary["comparison"]).contenders
    assert own.energy_per_inference_j == pytest.approx(1100e-12, rel=1e-9, abs=0)
    assert ann.latency_s == pytest.approx((8 + 5) * 16 / 1e12 + 2e-6)
    assert ann.energy_per_inference_j == pytest.approx(
        12 * 2e-12 + 208 * 3e-12 + 10 * ann.latency_s
    )
    assert stepwise.latency_s == pytest.approx(2 * ann.latency_s)
    # Folded, both steps share one reading of the weights: 4 + 2 x 4 and 2 + 2 x 3 values.
    assert folded.latency_s == pytest.approx((12 + 8) * 16 / 1e12 + 2e-6)


def test_files(finished):
    names = {path.name for path in finished.folder.iterdir()}
    assert names >= {
        "result.json", "links.csv", "tiles.csv", "layers.csv", "steps.csv", "mapping.yaml",
        "config.resolved.yaml",
    }  # fmt: skip
    pytest.importorskip("matplotlib")
    assert names >= {"energy.png", "link_load.png", "package.png"}
    for picture in finished.folder.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_tables_name_their_units(finished):
    with (finished.folder / "links.csv").open(newline="") as file:
        rows = {row["link"]: row for row in csv.DictReader(file)}
    east = rows["west(1,0)>east(0,0)"]
    assert (int(east["packets"]), int(east["wire_bits"])) == (3, 96)
    assert float(east["dynamic_energy_j"]) == pytest.approx(192e-12, rel=1e-9, abs=0)
    assert float(east["utilisation"]) == pytest.approx(96 / 543)
    assert rows["west(0,0)>west(1,0)"]["bits"] == "60"


def test_provenance_says_what_the_figures_depend_on(finished):
    provenance = finished.summary["provenance"]
    for key in (
        "chipletsim_version", "jax_version", "platform", "config_hash", "network_fingerprint",
        "activity_fingerprint", "mapping_hash", "mapping_seed",
    ):  # fmt: skip
        assert provenance[key] is not None, key
    assert finished.folder.name == f"golden-{provenance['config_hash'][:8]}"


def test_the_resolved_configuration_runs_again_to_the_same_folder(finished):
    text = (finished.folder / "config.resolved.yaml").read_text()
    assert "energy_per_synaptic_op: 11 pJ/op  # " in text
    again = load_spec(finished.folder / "config.resolved.yaml", ExperimentSpec)
    first = load_spec(finished.folder.parents[1] / "golden.yaml", ExperimentSpec)
    assert again.spec.package == first.spec.package
    found = cs.run(finished.folder / "config.resolved.yaml", out=finished.folder.parent)
    assert found.reused
    assert found.folder == finished.folder


def test_the_report_shows_the_figures(finished):
    text = str(finished)
    for part in (
        "pair: 2 dies", "copy_and_join", "100.00% (1 of 1)", "1.1 nJ", "543 ns",
        "west(1,0)>east(0,0)", DEVICE["name"], "west > east", "not modelled",
        str(finished.folder),
    ):  # fmt: skip
        assert part in text, part
