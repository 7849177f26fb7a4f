"""Files of other frameworks, loaded as they are: the spikes that those recorded, one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.fidelity import nir_paper
from benchmarks.fidelity.nir import SHARED, case_rows, folders, read_case
from chipletsim.engine.simulate import simulate
from chipletsim.network.load import load_network

PAPER = SHARED / "paper"
other_files = pytest.mark.skipif(
    not PAPER.is_dir(), reason=f"needs the files of others in {PAPER}, which are not ours to copy"
)
FEW = [
    "graph_nested_rleaky",
    "graph_two_population_loop",
    "norse_import_leaky_current",
    "norse_import_rcubalif",
    "norse_lifbox_default_export",
    "rockpool_lif_cuba",
    "sinabs_conv_sumpool_iaf",
    "snntorch_analog_input",
    "snntorch_conv_avgpool",
    "snntorch_leaky_scalar_beta",
    "spyx_conv_if_psu",
    "spyx_cubalif_rlif",
]


def demand_the_record(name):
    """Every spike of every node and of the output, and readouts to 1e-5 of the largest value."""
    case = read_case(folders()[name])
    rows = list(case_rows(case))
    assert {row.quantity.split()[-1] for row in rows} >= set(case.spikes)
    for row in rows:
        allowed = 0 if row.unit == "spikes" else 1e-5
        assert row.difference <= allowed, row
        assert row.theirs > 0, "a silent node proves nothing"
    for name, expected in case.outputs.items():
        known = case.spikes if name in case.spikes else case.values
        assert np.array_equal(known[name], expected)
        assert case.network.population(name).output


@pytest.mark.parametrize("name", FEW)
def test_recorded_spikes(name):
    demand_the_record(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(folders()) - set(FEW)))
def test_all_recorded_spikes(name):
    demand_the_record(name)


def graded(network):
    """The same network with an input of values."""
    populations = tuple(
        replace(p, value_bits=32) if p.model == "input" else p for p in network.populations
    )
    return replace(network, populations=populations)


LIF = {
    "lif_norse": {"preset": "norse"},
    "lif_norse import": {"preset": "norse_import"},
    "lif_norse euler": {},
    "lif_snntorch": {"preset": "snntorch", "options": {"reset": "zero", "reset_delay": False}},
    "lif_sinabs": {"preset": "sinabs", "options": {"gain": "nir", "export_dt": "0.1 ms"}},
    "lif_rockpool": {"preset": "rockpool", "options": {"gain": "nir"}},
    "lif_spyx": {"preset": "spyx", "options": {"gain": "nir"}},
    "lif_exact": {"preset": "exact"},
}


@other_files
@pytest.mark.parametrize("reading", LIF)
def test_one_neuron_on_every_platform(reading):
    record = reading.split()[0]
    folder = PAPER / "01_lif"
    given, _, spikes = np.loadtxt(folder / f"{record}.csv", delimiter=",").T
    given = given * 25 if record == "lif_sinabs" else given  # it is recorded times 0.04
    network = graded(load_network(folder / "lif_norse.nir", dt="0.1 ms", **LIF[reading]))
    activity = simulate(network, given.astype(np.float32).reshape(1, -1, 1))
    found = activity.counts("1") if "1" in activity.counted else activity.spikes("1")
    assert np.array_equal(np.flatnonzero(found), np.flatnonzero(spikes))
    assert np.count_nonzero(spikes) == 4


BRAILLE = {
    "snntorch": {"preset": "snntorch", "options": {"reset_delay": False}},
    "norse": {"preset": "norse_import"},
    "spyx": {"preset": "spyx"},
}
COUNTS = {
    ("bias_zero", "snntorch"): [10, 160, 112, 113, 103, 68, 121],
    ("bias_zero", "norse"): [8, 159, 108, 114, 104, 67, 126],
    ("noBias_subtract", "snntorch"): [0, 51, 21, 18, 3, 17, 22],
    ("noBias_subtract", "norse"): [0, 41, 13, 14, 4, 19, 16],
}


@other_files
@pytest.mark.parametrize("framework", BRAILLE)
@pytest.mark.parametrize("model", ["bias_zero", "noBias_subtract"])
def test_braille_letters(model, framework):
    reset = model.rpartition("_")[2]
    folder, asked = PAPER / "03_rnn", BRAILLE[framework]
    if framework == "snntorch":
        asked = asked | {"options": {**asked["options"], "reset": reset}}
    network = load_network(folder / f"braille_noDelay_{model}.nir", dt="0.1 ms", **asked)
    recorded = np.load(folder / f"expected_braille_noDelay_{model}.npz")
    drawn = recorded["random__input"]
    given = np.concatenate([recorded["input"][:, None], drawn], axis=1)
    activity = simulate(network, np.moveaxis(given, 0, 1).astype(bool))
    hidden, answers = activity.spikes("lif1.lif"), activity.spikes("lif2")
    assert np.array_equal(hidden[0], recorded[f"{framework}__lif1"])
    if framework != "spyx":  # of which only the hidden spikes are recorded
        assert answers[0].sum(axis=0).tolist() == COUNTS[model, framework]
        assert np.array_equal(answers[0], recorded[f"{framework}__lif2"])
        for spikes, node in ((hidden, "lif1"), (answers, "lif2")):
            expected = np.moveaxis(recorded[f"random__{framework}__{node}"], 0, 1)
            assert np.array_equal(spikes[1:], expected)


def digits(samples):
    """The paper's convolutional network as Sinabs runs it, and what Sinabs gave."""
    folder = PAPER / "02_cnn"
    recorded = np.load(folder / "cnn_io_sinabs.npz")
    network = load_network(
        folder / "cnn_sinabs.nir", dt="1 ms", preset="sinabs", options={"from_nir": True}
    )
    given = np.moveaxis(recorded["input"][:, samples], 0, 1).astype(bool)
    return recorded, simulate(network, given)


@other_files
def test_moving_digits_spike_for_spike():
    recorded, activity = digits(slice(0, 1))
    for node in ("1", "3", "6"):
        expected = recorded[f"spk2__{node}"][:, 0]
        assert np.array_equal(activity.counts(node)[0], expected.reshape(len(expected), -1))


@pytest.mark.slow
@other_files
def test_moving_digits_are_all_read_as_sinabs_does():
    # Trained weights are no multiples of a power of two: the order of sums counts.
    recorded, activity = digits(slice(0, 40))
    answers = activity.counts("12").sum(axis=1)
    assert np.array_equal(answers.argmax(axis=1), recorded["pred"])
    for node in ("1", "3", "6", "10", "12"):
        found = activity.counts(node).sum(dtype=np.int64)
        assert found == pytest.approx(recorded[f"counts__{node}"].sum(dtype=np.int64), rel=2e-3)
    for sample, node in ((0, "1"), (1, "1")):
        expected = recorded[f"spk2__{node}"][:, sample]
        assert np.array_equal(activity.counts(node)[sample], expected.reshape(len(expected), -1))


@pytest.mark.slow
@other_files
def test_the_same_file_as_norse_runs_it():
    folder = Path(PAPER / "02_cnn")
    given = np.load(folder / "cnn_io_sinabs.npz")["input"]
    recorded = np.load(folder / "cnn_io_norse.npz")
    network = load_network(folder / "cnn_sinabs.nir", dt="1 ms", preset="norse_import")
    activity = simulate(network, np.moveaxis(given, 0, 1).astype(bool))
    assert np.array_equal(activity.spikes("12"), np.moveaxis(recorded["output"], 0, 1) == 1)
    for node in ("1", "3", "6", "10", "12"):
        found = activity.spikes(node).sum(axis=(1, 2))
        assert np.array_equal(found, recorded[f"counts__{node}"])


def test_the_papers_figures_need_its_files(monkeypatch, tmp_path):
    monkeypatch.setattr(nir_paper, "PAPER", tmp_path / "nothing")
    assert nir_paper.rows(quick=True) == []


@pytest.mark.slow
@other_files
def test_figures_of_the_paper():
    rows = nir_paper.rows(quick=True)
    assert len(rows) > 30
    for row in rows:
        if (row.case, row.quantity) == ("lif, exact", "largest membrane"):
            continue  # it subtracts the threshold where ours sets v_reset
        if (row.case, row.quantity) == ("lif, lava_cpu_float", "largest membrane"):
            assert row.difference < 2e-3, row  # fixed point beside floating point
            continue
        assert row.difference <= (2e-3 if row.case.startswith("cnn") else 1e-6), row
