"""The engine's manners: compilation, memory, mappings, and inputs that do not fit."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from engine_networks import dyadic, feed_forward, random_inputs

from chipletsim.engine import memory
from chipletsim.engine import program as xla_program
from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import compile_network
from chipletsim.engine.inputs import inputs_fingerprint, prepare_inputs
from chipletsim.engine.native import program as native_program
from chipletsim.engine.simulate import Simulator, lowered, simulate, simulate_windows
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.connections import Dense, OneToOne
from chipletsim.network.lower import lower
from chipletsim.network.model import Network, Population, Projection

pytestmark = pytest.mark.usefixtures("kernels")


def dense_network(seed: int = 0, **others) -> Network:
    rng = np.random.default_rng(seed)
    neurons = {"tau": np.float32(4e-3)}
    return Network(
        f"dense{seed}",
        (Population("in", (6,), "input", **others), Population("out", (5,), "lif", neurons)),
        (Projection("w", "in", "out", Dense(dyadic(rng, 5, 6))),),
        1e-3,
    )


def test_one_spike_makes_the_spike_that_the_equation_says() -> None:
    # v = 0.25 (0 + 4 I) per step of a LIF with tau = 4 dt; I = 0.75 in steps 0 and 1:
    # v = 0.75, then 0.75 + 0.25 (-0.75 + 3) = 1.3125 > 1: a spike in step 1, and none after.
    network = Network(
        "one",
        (
            Population("in", (1,), "input"),
            Population("n", (1,), "lif", {"tau": np.float32(4e-3), "r": np.float32(4)}),
        ),
        (Projection("w", "in", "n", Dense(np.full((1, 1), 0.75, np.float32))),),
        1e-3,
    )
    spikes = np.array([1, 1, 0, 0]).reshape(1, 4, 1)
    assert simulate(network, spikes).spikes("n").ravel().tolist() == [False, True, False, False]


def test_networks_of_one_shape_share_one_program(kernels: str) -> None:
    run = native_program._run if kernels == "native" else xla_program._run
    before = run._cache_size()
    for seed in range(3):
        network = dense_network(seed)
        for batch in range(2):
            simulate(network, random_inputs(network, batch, 4, 7))
        list(simulate_windows(network, random_inputs(network, 9, 4, 20), 7))
    renamed = replace(dense_network(), name="other")
    simulate(renamed, random_inputs(renamed, 0, 4, 7))
    assert run._cache_size() == before + 1


def test_a_simulator_is_compiled_once_and_run_often() -> None:
    network = dense_network()
    simulator = Simulator(network)
    for seed, samples, steps in ((0, 4, 7), (1, 1, 3), (2, 4, 7)):
        inputs = random_inputs(network, seed, samples, steps)
        expected = simulate(network, inputs)
        assert simulator.run(inputs).fingerprint == expected.fingerprint
        windows = list(simulator.windows(inputs, 2))
        assert Activity.concatenate(windows).fingerprint == expected.fingerprint
    with pytest.raises(UsageError, match="window_steps"):
        simulator.run(inputs, 0)


def test_64_bit_mode_and_strict_promotion_change_nothing() -> None:
    network = feed_forward(3, ["conv2d", "sparse"], ["cubalif", "li"], graded=False)
    inputs = random_inputs(network, 1, 2, 5)
    plain = simulate(network, inputs)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"):
        assert simulate(network, inputs).fingerprint == plain.fingerprint


class OtherMapping:
    """What the engine asks of a mapping."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def lowered(self) -> Network:
        return lower(self.network, {"w": 3})


def test_a_mapping_lowers_the_network_first() -> None:
    network = dense_network()
    inputs = random_inputs(network, 0, 4, 7)
    mapping = OtherMapping(network)
    mapped = simulate(network, inputs, mapping=mapping)
    assert mapped.fingerprint == simulate(mapping.lowered(), inputs).fingerprint
    assert mapped.network != simulate(network, inputs).network
    assert lowered(network, None) is network
    with pytest.raises(UsageError, match="which is not the network"):
        simulate(dense_network(1), inputs, mapping=mapping)


def test_one_input_population_takes_flat_named_or_bare_arrays() -> None:
    network = feed_forward(1, ["one_to_one"], ["lif"], graded=False)
    inputs = random_inputs(network, 0, 2, 3)
    expected = inputs_fingerprint(network, inputs)
    for form in (inputs.reshape(2, 3, -1), {"in": inputs}, inputs.astype(float)):
        assert inputs_fingerprint(network, form) == expected
    assert inputs_fingerprint(network, ~inputs) != expected
    assert prepare_inputs(network, inputs.astype(np.uint8))["in"].dtype == np.bool_


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((2, 3, 7)), r"shape is \[2, 3, 7\], expected \[samples, steps, 6\]"),
        (np.zeros((2, 0, 6)), "at least one sample and one step"),
        (np.full((2, 3, 6), 0.5), "spikes must be 0 or 1"),
        (np.full((2, 3, 6), np.nan), "NaN"),
        (np.full((2, 3, 6), "a"), "must be numbers"),
        ({"other": np.zeros((2, 3, 6))}, "no input population 'other'"),
        ({}, "inputs.in: missing"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate(dense_network(), inputs)


def test_several_inputs_need_names_and_one_length() -> None:
    network = dense_network()
    second = replace(network.populations[0], name="in2")
    network = replace(network, populations=(*network.populations, second))
    with pytest.raises(ConfigError, match="by name"):
        simulate(network, np.zeros((2, 3, 6)))
    with pytest.raises(ConfigError, match="differ in samples and steps"):
        simulate(network, {"in": np.zeros((2, 3, 6)), "in2": np.zeros((2, 4, 6))})
    with pytest.raises(ConfigError, match="no input population"):
        simulate(replace(network, populations=network.populations[1:2], projections=()), {})


def test_faulty_networks_and_windows_are_refused() -> None:
    network = dense_network()
    unknown = replace(network.populations[1], model="lef")
    with pytest.raises(ConfigError, match="lif"):
        compile_network(replace(network, populations=(network.populations[0], unknown)))
    with pytest.raises(UsageError, match="window_steps"):
        simulate_windows(network, np.zeros((2, 3, 6)), 0)


def test_memory_is_estimated_and_bounded() -> None:
    network = dense_network(value_bits=8)
    inputs = random_inputs(network, 0, 4, 5)
    size = memory.raster_bytes(network, 4, 5)
    assert size == simulate(network, inputs).nbytes
    assert memory.keeps_raster(network, 4, 5, size)
    assert not memory.keeps_raster(network, 4, 5, size - 1)
    assert memory.streaming_window(network, 4, 5, size // 5 * 2) == 2
    assert memory.streaming_window(network, 4, 5, 1) == 1
    assert memory.batching(network, 10, 5, 16 * network.neurons * 5 * 4) == (4, 5)
    assert memory.batching(network, 10, 5, 16 * network.neurons * 3) == (1, 3)
    assert memory.batching(network, 10, 5) == (10, 5)


def test_past_events_of_long_delays_count_as_memory(monkeypatch) -> None:
    network = dense_network()
    delayed = replace(network, projections=(replace(network.projections[0], delay=1000),))
    # 6 input bits of 1000 steps, each kept and joined to the window: 12,000 bytes a sample.
    assert memory.batching(delayed, 10, 5, 4 * (12_000 + 16 * 11 * 5)) == (4, 5)
    monkeypatch.setattr(memory, "MAX_PAST_BYTES", 11_999)
    with pytest.raises(ConfigError, match="delays of up to 1,000 steps"):
        memory.batching(delayed, 10, 5)


def test_an_activity_larger_than_the_machine_is_refused_before_it_is_made(monkeypatch) -> None:
    monkeypatch.setattr(memory, "_machine_bytes", lambda: 41)
    network, inputs = dense_network(), np.zeros((3, 7, 6))  # 2 bytes a step: 42
    with pytest.raises(ConfigError, match="simulate_windows"):
        simulate(network, inputs)
    assert len(list(simulate_windows(network, inputs, 2))) == 4


def test_values_that_overflow_are_refused() -> None:
    network = feed_forward(1, ["one_to_one"], ["li"], graded=False)
    huge = np.full(60, 3e38, np.float32)
    projection = replace(network.projections[0], connection=OneToOne(huge), delay=0, pool=None)
    network = replace(network, projections=(projection,))
    with pytest.raises(ConfigError, match=r"populations\.p0: values leave the range"):
        simulate(network, np.ones((1, 9, 60)))
