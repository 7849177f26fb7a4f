"""States that are kept after each step."""

import numpy as np
import pytest

from chipletsim.engine.record import recorded_bytes, recorded_states
from chipletsim.engine.simulate import Simulator, simulate
from chipletsim.errors import UsageError
from chipletsim.network.builder import NetworkBuilder
from chipletsim.network.connections import Dense, OneToOne
from chipletsim.network.model import Network


def counting(*, back: bool) -> Network:
    """Return one neuron that adds up a quarter in each step, and one that leaks a half."""
    builder = (
        NetworkBuilder("counting", dt=1.0)
        .input("in", (1,))
        .population("sum", (1,), "if")
        .population("leaky", (1,), "li", tau=2.0)
        .project("in", "sum", Dense(np.array([[0.25]], np.float32)))
        .project("sum", "leaky", Dense(np.array([[4.0]], np.float32)))
    )
    if back:  # a cycle, which runs step by step
        builder.project("leaky", "sum", Dense(np.zeros((1, 1), np.float32)), delay=1)
    return builder.build()


@pytest.mark.parametrize("back", [False, True])
def test_membranes_are_those_after_each_step(back: bool) -> None:
    simulator = Simulator(counting(back=back))
    ones = np.ones((2, 7, 1))
    whole = simulator.run(ones, record=("v",))
    # 1 is not above the threshold of 1, 1.25 is: then it is 0.
    assert whole.recorded["sum"]["v"][1, :, 0].tolist() == [0.25, 0.5, 0.75, 1, 0, 0.25, 0.5]
    # One spike in step 4 gives 4 dt / tau = 2, and then a half of it is left each time.
    assert whole.recorded["leaky"]["v"][0, :, 0].tolist() == [0, 0, 0, 0, 2, 1, 0.5]
    assert whole.recorded["sum"]["v"].dtype == np.float32
    assert simulator.run(ones, 3, record=("v",)).fingerprint == whole.fingerprint
    plain = simulator.run(ones)
    assert plain.recorded == {}
    assert np.array_equal(plain.rasters["sum"], whole.rasters["sum"])


def test_states_hold_before_and_after_the_steps_in_which_a_population_works() -> None:
    # A decoder of the sums of 2 steps, one step later: it works in steps 1 and 2 of 5.
    network = (
        NetworkBuilder("once", dt=1e-3)
        .input("in", (1,), value_bits=8, steps=1)
        .population("coder", (1,), "encode_rate", steps=2)
        .population("decoder", (1,), "decode_rate", step=0.5, value_bits=8)
        .project("in", "coder", OneToOne(np.ones(1, np.float32)))
        .project("coder", "decoder", OneToOne(np.ones(1, np.float32)), delay=1)
        .build()
    )
    inputs = np.zeros((1, 5, 1), np.float32)
    inputs[:, 0] = 1.0
    recorded = simulate(network, inputs, record=("v", "k")).recorded
    assert recorded["decoder"]["v"][0, :, 0].tolist() == [0, 1, 2, 2, 2]
    assert recorded["decoder"]["k"][0, :, 0].tolist() == [0, 1, 2, 2, 2]


def test_names_of_states_are_checked() -> None:
    network = counting(back=False)
    with pytest.raises(UsageError, match=r"no neuron of 'counting' has a state 'w'"):
        simulate(network, np.ones((1, 2, 1)), record=("w",))
    with pytest.raises(UsageError, match="as a sequence"):
        simulate(network, np.ones((1, 2, 1)), record="v")


def test_recorded_states_take_memory() -> None:
    network = (
        NetworkBuilder("wide", dt=1e-6)
        .population("a", (3,), "loihi_lif")
        .population("b", (2,), "truenorth")
        .build()
    )
    kept = recorded_states(network, ("v", "u"))
    assert kept == {"a": ("v", "u"), "b": ("v",)}
    assert recorded_bytes(network, kept) == 8 * (2 * 3 + 2)
