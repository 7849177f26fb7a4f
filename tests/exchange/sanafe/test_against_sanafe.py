"""SANA-FE itself on networks drawn for the occasion, and ours on the same files."""

import numpy as np
import pytest

from benchmarks.fidelity.sanafe import drawn_rows, recorded_rows, why_missing

EXACT = {"spikes", "potentials", "neurons fired", "neurons updated", "messages", "hops",
         "synaptic events"}  # fmt: skip
installed = pytest.mark.skipif(bool(why_missing()), reason=why_missing())


def check(rows):
    assert {row.quantity for row in rows} >= EXACT
    for row in rows:
        allowed = 1e-12 if row.unit == "J" else 0
        assert row.difference <= allowed, row


@pytest.mark.parametrize("case", ["a_ff_dense_2x2", "b_recurrent_loihi", "d_hotspot_loihi"])
def test_what_sanafe_ran_before(case):
    rows = recorded_rows(case)
    if not rows:
        pytest.skip("its architecture is a file of others, which is not here")
    check(rows)


@installed
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, None])
def test_random_networks(tmp_path, seed):
    seed = fresh() if seed is None else seed
    rows = drawn_rows(seed, tmp_path, one_synapse_unit=True)
    check(rows)
    assert any(row.quantity == "latency, detailed" for row in rows)


@installed
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, None])
def test_random_networks_whose_messages_meet_several_synapse_units(tmp_path, seed):
    check(drawn_rows(fresh() if seed is None else seed, tmp_path))


def fresh():
    return int(np.random.SeedSequence().generate_state(1)[0])
