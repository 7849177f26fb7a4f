"""Dense layers, encoders and decoders against closed forms, one value at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.network.test_neurons import run

STEPS = st.integers(1, 12)
SHARES = st.integers(0, 96)  # of 64: values from 0 to 1.5 times the ceiling


def once(values, steps):
    """Currents that carry values in the first step alone."""
    currents = np.zeros((steps, np.size(values)), np.float32)
    currents[0] = values
    return currents


def spike_steps(model, value, steps, **parameters):
    spikes, _ = run(model, parameters, once(value, steps))
    return np.flatnonzero(spikes[:, 0]).tolist()


def test_relu_rounds_to_levels_and_clips_at_both_ends():
    # 2 bits of step 0.5: levels 0, 0.5, 1, 1.5; ties to even, so 0.25 -> 0 and 0.75 -> 1.
    currents = np.array([[-3, 0.24, 0.25, 0.26, 0.75, 1.4, 9]], np.float32)
    events, _ = run("relu", {"step": 0.5}, currents, value_bits=2)
    assert events[0].tolist() == [0, 0, 0, 0.5, 1, 1.5, 1.5]


def test_linear_keeps_the_sign():
    # 3 bits of step 1: -4..3.
    currents = np.array([[-9, -4.4, -0.6, 0.4, 2.6, 9]], np.float32)
    events, _ = run("linear", {"step": 1.0}, currents, value_bits=3)
    assert events[0].tolist() == [-4, -4, -1, 0, 3, 3]


def test_one_bit_relu_is_a_threshold():
    currents = np.array([[0.2, 0.5, 0.51, 7]], np.float32)
    events, _ = run("relu", {"step": 1.0}, currents, value_bits=1)
    assert events[0].tolist() == [0, 0, 1, 1]


def test_rate_encoder_by_hand():
    # ceiling 1, x = 0.5: v = 0.5 (not above), 1.0 > 0.5 spike -> 0, 0.5, 1.0 spike: every other.
    assert spike_steps("encode_rate", 0.5, 6) == [1, 3, 5]
    assert spike_steps("encode_rate", 1.0, 4) == [0, 1, 2, 3]
    assert spike_steps("encode_rate", 0.0, 4) == []


@given(SHARES, STEPS)
def test_rate_encoder_sends_the_rounded_share_of_the_steps(share, steps):
    x = share / 64  # all sums are exact
    expected = min(int(np.ceil(steps * x - 0.5)), steps)
    assert len(spike_steps("encode_rate", x, steps)) == max(expected, 0)


@given(SHARES, STEPS)
def test_latency_encoder_sends_the_nearest_step_once(share, steps):
    x = share / 64
    # The step k stands for 1 - k / T; half-way between two of them the later one is sent.
    found = spike_steps("encode_latency", x, steps)
    gaps = [abs(min(x, 1) - (1 - k / steps)) for k in range(steps)]
    if x <= 1 / (2 * steps):
        assert found == []
    else:
        assert len(found) == 1
        assert gaps[found[0]] <= min(gaps) + 1e-6


def test_lif_encoder_spikes_as_a_lif_under_constant_current():
    held, _ = run("encode_lif", {"tau": 5e-3, "v_threshold": 0.7}, once(1.3, 40))
    constant, _ = run("lif", {"tau": 5e-3, "v_threshold": 0.7}, np.full((40, 1), 1.3, np.float32))
    assert held.any()
    assert np.array_equal(held, constant)


@pytest.mark.parametrize(
    ("encoder", "decoder", "weight"),
    [("encode_rate", "decode_rate", 1 / 8), ("encode_latency", "decode_latency", 1.0)],
)
def test_decoders_undo_encoders_to_half_a_step(encoder, decoder, weight):
    values = np.linspace(0, 1, 65)
    spikes, _ = run(encoder, {}, once(values, 8))
    sent, _ = run(decoder, {"step": 2.0**-10}, spikes * np.float32(weight), value_bits=16)
    assert not sent[:-1].any()
    assert np.abs(sent[-1] - values).max() <= 1 / 16 + 1e-6
    assert np.abs(sent[-1] * 8 - np.rint(sent[-1] * 8)).max() == 0  # T + 1 values


def test_decoder_rectifies_and_scales_the_sum_of_its_layer():
    # Three steps of currents 1, -4, 5 and 1, 1, -9: sums 2 and -7; gain 0.5.
    currents = np.array([[1, 1], [-4, 1], [5, -9]], np.float32)
    sent, _ = run("decode_rate", {"gain": 0.5, "step": 0.25}, currents)
    assert sent.tolist() == [[0, 0], [0, 0], [1, 0]]


def test_delta_pair_follows_a_moving_value_within_the_threshold():
    values = np.cumsum(np.random.default_rng(0).normal(0, 0.3, (50, 20)), axis=0)
    values = np.rint(np.abs(values) * 16).astype(np.float32) / 16
    events, _ = run("encode_delta", {"threshold": 0.25, "step": 1 / 16}, values, value_bits=12)
    back, _ = run("decode_delta", {"step": 1 / 16}, events, value_bits=12)
    assert np.abs(back - values).max() <= 0.25
    assert 0 < np.count_nonzero(events) < events.size
    # With no threshold every change is sent.
    exact, _ = run("encode_delta", {"threshold": 0.0, "step": 1 / 16}, values, value_bits=12)
    assert np.array_equal(np.cumsum(exact, axis=0), values)


def test_delta_does_not_send_what_is_below_the_threshold():
    values = np.array([[1.0], [1.25], [1.5], [1.5]], np.float32)
    events, _ = run("encode_delta", {"threshold": 0.25, "step": 0.25}, values)
    assert events[:, 0].tolist() == [1.0, 0, 0.5, 0]
