"""Experiments on networks in double precision that nothing feeds."""

import pytest
import yaml
from golden import PACKAGE

import chipletsim as cs
from chipletsim.engine import memory
from chipletsim.errors import ConfigError
from chipletsim.report import files

pytestmark = pytest.mark.usefixtures("quick_programs")

# Two neurons of bias 1 pass 1.5 in every second step: 1, 3 and 5. The third adds up their spikes
# one step later, 2 in step 2 and 4 in step 4, which is its threshold.
NETWORK = {
    "name": "alone",
    "dt": "1 us",
    "populations": {
        "pair": {
            "shape": [2],
            "model": "loihi_lif",
            "parameters": {"bias": 1.0, "threshold": 1.5},
        },
        "sum": {"shape": [1], "model": "truenorth", "parameters": {"threshold": 4.0}},
    },
    "projections": [
        {
            "source": "pair",
            "target": "sum",
            "delay": 1,
            "connection": {"kind": "dense", "weight": 1.0},
        }
    ],
}


@pytest.fixture
def contents() -> dict:
    return {
        "name": "alone",
        "package": PACKAGE,
        "network": NETWORK,
        "inputs": {"rate_per_step": 0.0, "steps": 6},
        "timing": "bound",
    }


def test_a_network_without_inputs_runs_for_the_steps_that_are_asked_for(
    tmp_path, monkeypatch, contents
) -> None:
    monkeypatch.setattr(files, "figures_available", lambda: False)
    (tmp_path / "alone.yaml").write_text(yaml.safe_dump(contents))
    summary = cs.run(tmp_path / "alone.yaml", out=tmp_path / "runs").summary
    assert summary["steps"] == 6
    assert summary["events"]["spikes"] == 3 * 2 + 1
    assert summary["events"]["synaptic_operations"] == 3 * 2
    assert summary["events"]["neuron_updates"] == 3 * 6
    monkeypatch.setattr(memory, "keeps_raster", lambda *given: False)
    streamed = cs.run(tmp_path / "alone.yaml", out=tmp_path / "runs", force=True).summary
    assert streamed["events"] == summary["events"]
    assert streamed["energy"] == summary["energy"]


def test_samples_of_a_network_without_inputs_are_all_the_same(tmp_path, contents) -> None:
    contents["inputs"]["samples"] = 2
    (tmp_path / "alone.yaml").write_text(yaml.safe_dump(contents))
    with pytest.raises(ConfigError, match="ask for 1"):
        cs.run(tmp_path / "alone.yaml", out=tmp_path / "runs")
