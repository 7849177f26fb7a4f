"""Networks in double precision: random ones against plain Python floats, and hand-worked ones."""

from dataclasses import replace

import numpy as np
import pytest
from chipletsim.kernels import THREADS
from hypothesis import given, settings
from hypothesis import strategies as st
from wide_reference import STATES, simulate_slowly

from chipletsim.engine.simulate import Simulator, simulate, simulate_windows
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Sparse
from chipletsim.network.model import Network

pytestmark = pytest.mark.usefixtures("kernels")

STEPS = 14
SHAPES = {"in": (2, 4, 5), "conv": (3, 2, 4), "many": (70,), "north": (24,)}


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers of which many a sum depends on its order, and few are equal in float32."""
    scale = 2.0 ** rng.integers(-6, 7, shape)
    return np.where(rng.random(shape) < 0.1, 0.0, rng.normal(size=shape) * scale)


def sparse(rng: np.random.Generator, sources: int, targets: int, synapses: int) -> Sparse:
    """Return synapses to random targets, several of the same pair among them."""
    source = np.sort(rng.integers(0, sources, synapses))
    target = rng.integers(0, targets, synapses).astype(np.int32)
    target[1::7] = target[0::7][: target[1::7].size]
    indptr = np.searchsorted(source, np.arange(sources + 1)).astype(np.int64)
    return Sparse(indptr, target, numbers(rng, (synapses,)), targets)


def loihi_parameters(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    big = np.where(rng.random(shape) < 0.03, 3e7, 1.0)  # leaves 32 bits
    return {
        "threshold": rng.normal(2, 2, shape),
        "leak_decay": rng.choice([1.0, 0.9, 0.5, 0.0, -0.7], shape),
        "input_decay": rng.choice([0.0, 0.3, 1.0], shape),
        "bias": rng.normal(size=shape) * rng.choice([0, 0, 1], shape) * big,
        "reset": rng.normal(size=shape),
        "reverse_threshold": -np.abs(rng.normal(size=shape)),
        "reverse_reset": rng.normal(size=shape),
        "refractory_delay": rng.integers(0, 4, shape),
        "force_update": rng.integers(0, 2, shape),
        "reset_mode": rng.integers(0, 4, shape),
        "reverse_reset_mode": rng.integers(0, 4, shape),
        "potential": rng.normal(size=shape) * rng.integers(0, 2, shape),
    }


def truenorth_parameters(rng: np.random.Generator, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    given = loihi_parameters(rng, shape)
    for name in ("leak_decay", "input_decay", "refractory_delay", "potential"):
        del given[name]
    towards = rng.integers(0, 2, shape)
    return given | {"leak": np.abs(rng.normal(size=shape)), "leak_towards_zero": towards}


def random_network(seed: int) -> Network:
    rng = np.random.default_rng(seed)
    kernel = Conv2d(numbers(rng, (3, 1, 2, 3)), (2, 1), ((1, 0), (0, 2)), (2, 1), 1)
    grouped = replace(kernel, weight=numbers(rng, (3, 2, 2, 3)))
    builder = NetworkBuilder("random", dt=1e-6).input("in", SHAPES["in"])
    builder.population("conv", (3, 2, 5), "loihi_lif", **loihi_parameters(rng, (3, 2, 5)))
    builder.population("many", (70,), "loihi_lif", **loihi_parameters(rng, (70,)))
    builder.population("north", (24,), "truenorth", **truenorth_parameters(rng, (24,)))
    builder.project("in", "conv", grouped, delay=1)
    builder.project("in", "many", sparse(rng, 40, 70, 160), delay=1)
    builder.project("conv", "north", Dense(numbers(rng, (24, 30))), delay=2)
    builder.project("many", "many", sparse(rng, 70, 70, 300), delay=1)
    builder.project("many", "many", OneToOne(numbers(rng, (70,))), delay=4, name="self")
    builder.project("north", "many", sparse(rng, 24, 70, 90), delay=1)
    builder.project("many", "north", sparse(rng, 70, 24, 120), delay=1)
    neurons = 40 + 30 + 70 + 24
    if seed % 2:
        builder.sum_in_order(rng.permutation(neurons))
    return builder.build()


def random_inputs(seed: int, samples: int = 1) -> np.ndarray:
    rng = np.random.default_rng([seed, 1])
    return rng.random((samples, STEPS, *SHAPES["in"])) < 0.3


@pytest.mark.parametrize("threads", [1, 3])
@settings(derandomize=True, deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_a_random_network_gives_the_bits_of_plain_python(threads: int, seed: int) -> None:
    network, inputs = random_network(seed), random_inputs(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(THREADS, str(threads))
        activity = simulate(network, inputs, record=("v", "u", "r"))
    expected = simulate_slowly(network, {"in": inputs[0]}, STEPS)
    for each in network.populations:
        name = each.name
        assert np.array_equal(activity.spikes(name)[0], expected.spikes[name])
        assert np.array_equal(activity.updated(name)[0], expected.updates[name])
        for state in STATES.get(each.model, ()):
            found = activity.recorded[name][state][0]
            assert np.array_equal(found, expected.states[name][state]), (name, state)


def test_the_order_of_sums_is_felt() -> None:
    """Else the test above could not tell one order from another."""
    differ = 0
    for seed in range(1, 12, 2):
        network, inputs = random_network(seed), random_inputs(seed)
        other = replace(network, summation_rank=network.summation_rank[::-1].copy())
        first, second = (simulate_slowly(one, {"in": inputs[0]}, 4) for one in (network, other))
        differ += first.states["many"]["v"] != second.states["many"]["v"]
    assert differ >= 4


def test_windows_batches_and_threads_change_no_bit(monkeypatch) -> None:
    network, inputs = random_network(5), random_inputs(5, samples=5)
    whole = simulate(network, inputs, record=("v",))
    assert Simulator(network).run(inputs, 3, record=("v",)).fingerprint == whole.fingerprint
    windows = list(simulate_windows(network, inputs, 5, record=("v",)))
    assert [window.steps for window in windows] == [5, 5, 4]
    assert type(whole).concatenate(windows).fingerprint == whole.fingerprint
    for threads in (2, 7):
        monkeypatch.setenv(THREADS, str(threads))
        assert simulate(network, inputs, record=("v",)).fingerprint == whole.fingerprint
        alone = simulate(network, inputs[3:4], record=("v",))
        assert np.array_equal(alone.recorded["many"]["v"][0], whole.recorded["many"]["v"][3])


def one_neuron(model: str = "loihi_lif", **parameters: float) -> NetworkBuilder:
    return NetworkBuilder("one", dt=1e-6).population("n", (1,), model, **parameters)


def potentials(network: Network, steps: int) -> list[float]:
    return simulate(network, {}, steps=steps, record=("v",)).recorded["n"]["v"][0, :, 0].tolist()


def test_membranes_that_leave_32_bits_become_the_least_number() -> None:
    # 4e7 x 64 is above 2^31, and becomes -2^31: -2^31 / 64 = -33,554,432, and + 4e7 is 6,445,568,
    # which 32 bits hold; so 46,445,568 follows, and again -33,554,432 + 4e7.
    network = one_neuron(bias=4e7, threshold=1e30).build()
    assert potentials(network, 5) == [4e7, 6445568.0, 46445568.0, 6445568.0, 46445568.0]
    # From below it is the same number: -33,554,432 - 4e7.
    network = one_neuron(bias=-4e7, threshold=1e30).build()
    assert potentials(network, 3) == [-4e7, -73554432.0, -73554432.0]


def test_membranes_are_cut_to_64ths_towards_zero() -> None:
    # 0.01 x 64 = 0.64 is cut to 0; 0.99 - 63/64 = 0.005625 is lost from 0.99.
    assert potentials(one_neuron(bias=0.01, threshold=9.0).build(), 3) == [0.01, 0.01, 0.01]
    assert potentials(one_neuron(bias=0.99, threshold=9.0).build(), 2) == [0.99, 63 / 64 + 0.99]
    network = one_neuron(bias=-0.99, threshold=9.0, reverse_threshold=-9.0).build()
    assert potentials(network, 2) == [-0.99, -63 / 64 - 0.99]


def test_the_first_step_does_not_leak() -> None:
    network = one_neuron(potential=8.0, leak_decay=0.5, threshold=99.0).build()
    assert potentials(network, 3) == [8.0, 4.0, 2.0]


def test_a_refractory_neuron_loses_its_input() -> None:
    # Refractory for 3: the two steps after a spike are blocked, and their input is lost.
    network = (
        one_neuron(threshold=0.5, refractory_delay=3.0)
        .input("in", (1,))
        .project("in", "n", Dense(np.ones((1, 1))), delay=1)
        .build()
    )
    activity = simulate(network, np.ones((1, 9, 1)), record=("v",))
    assert np.flatnonzero(activity.spikes("n")).tolist() == [1, 4, 7]
    assert activity.updated("n")[0, :, 0].tolist() == [False] + [True] * 8
    assert activity.updated("in").all()


def test_an_event_of_weight_zero_is_work() -> None:
    network = (
        NetworkBuilder("zero", dt=1e-6)
        .input("in", (2,))
        .population("n", (3,), "loihi_lif", threshold=1.0)
        .project("in", "n", Sparse(np.array([0, 1, 3]), np.array([0, 1, 1], np.int32),
                                   np.array([-0.0, 2.5, -2.5]), 3), delay=1)
        .build()
    )  # fmt: skip
    activity = simulate(network, np.array([[[1, 0], [0, 1], [0, 0], [0, 0]]]))
    assert activity.updated("n")[0].astype(int).tolist() == [
        [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0],
    ]  # fmt: skip


def test_longer_delays_are_added_first() -> None:
    # All events arrive in step 4. (1 + 2^60) - 2^60 is 0 in double precision, while
    # (2^60 - 2^60) + 1 is 1: the delays decide which it is, as the sources stand in order.
    def arriving(delays: tuple[int, ...]) -> float:
        builder = NetworkBuilder("delays", dt=1e-6).input("in", (3,))
        builder.population("n", (1,), "loihi_lif", threshold=1e30)
        for source, (delay, weight) in enumerate(
            zip(delays, (1.0, 2.0**60, -(2.0**60)), strict=True)
        ):
            weights = np.where(np.arange(3) == source, weight, 0.0)[None]
            builder.project("in", "n", Dense(weights), delay=delay, name=f"from {source}")
        inputs = np.zeros((1, 6, 3), bool)
        for source, delay in enumerate(delays):
            inputs[0, 4 - delay, source] = True
        return simulate(builder.build(), inputs, record=("v",)).recorded["n"]["v"][0, 4, 0]

    assert arriving((1, 1, 1)) == 0.0
    assert arriving((3, 2, 1)) == 0.0
    assert arriving((1, 2, 3)) == 1.0


def test_numbers_below_the_least_normal_one_are_kept() -> None:
    # 2^-1022 is the least normal double; a half of it is not zero, and 2^-1023 x 2^1000 fires.
    network = (
        NetworkBuilder("tiny", dt=1e-6)
        .input("in", (1,))
        .population("n", (1,), "loihi_lif", input_decay=0.5, threshold=1.0)
        .project("in", "n", Dense(np.array([[2.0**-1022]])), delay=1)
        .build()
    )
    inputs = np.array([[[1], [0], [0], [0]]])
    u = simulate(network, inputs, record=("u",)).recorded["n"]["u"][0, :, 0]
    assert u.tolist() == [0.0, 2.0**-1022, 2.0**-1023, 2.0**-1024]


@pytest.mark.parametrize(
    ("inputs", "steps", "message"),
    [({}, None, "say how many `steps`"), (np.ones((1, 2, 1)), 2, "no input population")],
)
def test_networks_without_inputs_want_steps_alone(inputs, steps, message) -> None:
    with pytest.raises(UsageError, match=message):
        simulate(one_neuron().build(), inputs, steps=steps)


def test_inputs_say_how_many_steps_there_are() -> None:
    with pytest.raises(UsageError, match="has inputs"):
        simulate(random_network(0), random_inputs(0), steps=3)


def test_training_refuses_double_precision() -> None:
    from chipletsim.engine.compile import compile_network

    with pytest.raises(ConfigError, match="not trained"):
        compile_network(one_neuron().build(), exact=False)
