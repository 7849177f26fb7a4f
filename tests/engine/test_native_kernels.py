"""Native kernels and the reference agree in every spike and every bit of every value.

Networks are small and drawn at random; blocks of targets are made small too, so that every
population has several of them.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from chipletsim.kernels import CHOICE, THREADS, describe, native_kernels
from native_networks import (
    DT,
    FORMATS,
    RATES,
    STEPS,
    convolved,
    graded,
    neurons,
    pooling,
    relay,
    sized,
    spikes,
    values,
    weights,
)

from chipletsim.engine.activity import Activity
from chipletsim.engine.compile import compile_network
from chipletsim.engine.native import formats, layout
from chipletsim.engine.reference import simulate_reference
from chipletsim.engine.simulate import simulate, simulate_windows
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population, Projection

# The kernels are compiled before; what XLA compiles here calls them.
pytestmark = pytest.mark.usefixtures("quick_programs")


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.delenv(CHOICE, raising=False)
    if not native_kernels():
        pytest.skip(f"no native kernels: {describe()}")
    monkeypatch.setattr(layout, "_LEAST_IN_BLOCK", 64)


# --- what is compared -----------------------------------------------------------------------


def same(one: Activity, other: Activity) -> bool:
    return one.fingerprint == other.fingerprint


def check_native(network: Network, *several: np.ndarray, window: int = 0) -> list[Activity]:
    """Compare the native kernels with the reference, in both schedules, and in windows."""
    assert compile_network(network).program.native
    results = [simulate_reference(network, inputs) for inputs in several]
    for inputs, expected in zip(several, results, strict=True):
        assert same(simulate(network, inputs), expected)
        assert same(simulate(network, inputs, schedule="steps"), expected)
        if window:
            parts = list(simulate_windows(network, inputs, window))
            assert same(Activity.concatenate(parts), expected)
    return results


def kernel_arrays(network: Network) -> dict[str, dict]:
    """Return what the kernels read of each projection, by its name."""
    arrays = compile_network(network).synapses
    return {each.name: part for each, part in zip(network.projections, arrays, strict=True)}


def check_formats(network: Network) -> None:
    """Names of projections end in the format of their weights."""
    for name, part in kernel_arrays(network).items():
        assert part["weight"].dtype == np.dtype(name.split("_")[-1]), name


# --- dense, sparse and one to one, of all sizes ----------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_sizes_formats_and_rates(seed: int) -> None:
    network = sized(seed)
    check_formats(network)
    rng = np.random.default_rng(seed)
    several = [spikes(rng, network, 1 + seed % 3, rate) for rate in RATES]
    results = check_native(network, *several, window=seed % 2 * (1 + seed // 2))
    assert min(results[-1].totals[name].sum() for name in ("b", "c", "own")) > 0


def test_tables_of_synapses_built_in_many_parts(monkeypatch) -> None:
    monkeypatch.setattr(formats, "_CHUNK", 7)
    network = sized(4)
    check_native(network, spikes(np.random.default_rng(4), network, 1, 0.5))


def test_sources_without_any_synapse() -> None:
    rng = np.random.default_rng(0)
    nothing = Sparse(np.zeros(71, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), 130)
    last = np.zeros(71, np.int64)
    last[70] = 3  # the last source alone has synapses, all to the last target
    few = Sparse(last, np.full(3, 129, np.int32), np.full(3, 0.5, np.float32), 130)
    network = Network(
        "few",
        (Population("in", (70,), "input"), neurons(rng, "a", (130,), "lif")),
        (Projection("none", "in", "a", nothing), Projection("few", "in", "a", few)),
        DT,
    )
    check_native(network, spikes(rng, network, 2, 0.5), window=1)


# --- convolutions ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_convolutions(seed: int) -> None:
    network = convolved(seed)
    if seed % 4 < 2:  # weights behind an average are smaller ones
        check_formats(network)
    rng = np.random.default_rng(seed)
    several = [spikes(rng, network, 1 + seed % 2, rate) for rate in (0.1, 1.0)]
    results = check_native(network, *several, window=2 * (seed % 2))
    assert min(result.totals["conv"].sum() for result in results) > 0


WIDE = (8, 12, 16, 24, 33, 40, 64, 70, 100)


def wide(seed: int, form: type) -> Network:
    """A convolution with channels enough to fill vectors, and its currents as values."""
    rng = np.random.default_rng(seed)
    groups, per_group = int(rng.integers(1, 3)), int(rng.choice([1, 3, 9]))
    source = shape = (groups * per_group, 4, 5)
    pool = None
    if seed % 3 == 0:
        pool = Pool2d((2, 2), (2, 1), (0, 1), "sum")
        shape = pool.target_shape(source)
    out = groups * WIDE[seed % len(WIDE)]
    made = Conv2d(
        weights(rng, form, out, per_group, *(int(k) for k in rng.integers(1, 4, 2))),
        stride=tuple(int(s) for s in rng.integers(1, 3, 2)),
        padding=tuple((int(a), int(b)) for a, b in rng.integers(1, 4, (2, 2))),
        dilation=tuple(int(d) for d in rng.integers(1, 3, 2)),
        groups=groups,
    )
    target = made.target_shape(shape)
    return Network(
        "wide",
        (
            Population("in", source, "input"),
            neurons(rng, "conv", target, "lif"),
            relay("currents", target),
        ),
        (
            Projection(f"a_{np.dtype(form)}", "in", "conv", made, pool),
            Projection(f"b_{np.dtype(form)}", "in", "currents", made, pool, 1),
        ),
        DT,
    )


@pytest.mark.parametrize("seed", range(10))
def test_convolutions_to_many_channels(seed: int) -> None:
    network = wide(seed, FORMATS[seed % 4 % 3])
    check_formats(network)
    rng = np.random.default_rng(seed)
    # Few events are added one by one, many are listed by pixel first.
    several = [spikes(rng, network, 1 + seed % 2, rate)[:, :3] for rate in (0.03, 0.4, 1.0)]
    results = check_native(network, *several, window=2 * (seed % 2))
    assert results[-1].totals["conv"].sum() > 0


def test_more_events_under_a_kernel_than_narrow_sums_hold() -> None:
    # 60 x 9 events of weight 127, or -127, are 68,580 in 8 bits' sums of 16.
    weight = np.full((16, 60, 3, 3), 127 / 64, np.float32)
    weight[1::2] *= -1
    network = Network(
        "burst",
        (Population("in", (60, 5, 5), "input"), relay("out", (16, 3, 3))),
        (Projection("w_int8", "in", "out", Conv2d(weight)),),
        DT,
    )
    check_formats(network)
    (result,) = check_native(network, np.ones((1, STEPS, 60, 5, 5), bool))
    found = result.values["out"].reshape(STEPS, 16, 9)
    np.testing.assert_array_equal(found[:, ::2], 540 * 127 / 64)
    np.testing.assert_array_equal(found[:, 1::2], -540 * 127 / 64)


@pytest.mark.parametrize("seed", range(4))
def test_blocks_that_cut_through_the_channels_of_a_position(seed: int, monkeypatch) -> None:
    monkeypatch.setattr(layout, "_MOST_IN_BLOCK", 64)
    network = convolved(seed)
    program = compile_network(network).program
    index = network.index["conv"]
    assert program.layouts[index].block == 64
    check_native(network, spikes(np.random.default_rng(seed + 9), network, 1, 0.3))


def test_more_channels_than_fit_into_a_block_of_whole_positions() -> None:
    # The least common multiple of 64 and 1,025 is 65,600; targets are counted in 16 bits.
    channels = 1025
    shape = (channels, 8, 8)
    silent = Conv2d(np.zeros((channels, 1, 1, 1), np.float32))
    network = Network(
        "wide",
        (
            Population("in", shape, "input"),
            Population("plane", (1, 8, 8), "lif", {"tau": np.float32(DT)}),
            Population("out", shape, "lif", {"tau": np.float32(DT)}),
        ),
        (
            Projection("silent", "plane", "out", silent),
            Projection("copy", "in", "out", OneToOne(np.full(channels * 64, 2, np.float32))),
        ),
        DT,
    )
    given = np.random.default_rng(0).random((1, 2, *shape)) < 0.1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(THREADS, "1")
        patch.setattr(layout, "_LEAST_IN_BLOCK", 1 << 9)
        assert compile_network(network).program.layouts[2].block <= 1 << 16
        found = simulate(network, given).spikes("out")
    np.testing.assert_array_equal(found, given.reshape(found.shape))


def test_more_neurons_than_are_counted_in_16_bits(monkeypatch) -> None:
    monkeypatch.setenv(THREADS, "1")
    monkeypatch.setattr(layout, "_LEAST_IN_BLOCK", 1 << 9)
    size = (1 << 16) + 70
    order = np.random.default_rng(1).permutation(size).astype(np.int32)
    shuffled = Sparse(np.arange(size + 1), order, np.full(size, 2, np.float32), size)
    network = Network(
        "long",
        (
            Population("in", (size,), "input"),
            Population("out", (size,), "lif", {"tau": np.float32(DT)}),
        ),
        (Projection("w", "in", "out", shuffled),),
        DT,
    )
    assert compile_network(network).program.layouts[1].blocks == 2
    given = np.random.default_rng(0).random((1, 3, size)) < 0.1
    found = simulate(network, given).spikes("out")
    np.testing.assert_array_equal(found[..., order], given)


# --- pooling, and graded events --------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_pooling(seed: int) -> None:
    has_values = seed % 2 == 1
    network = pooling(seed, graded=has_values)
    rng = np.random.default_rng(seed)
    draw = values if has_values else spikes
    several = [draw(rng, network, 2, 0.6)]
    results = check_native(network, *several, window=seed // 2)
    (result,) = results
    assert sum(result.totals[each.name].sum() > 0 for each in network.populations) > 10
    sums = {each.name for each in network.projections if each.pool and each.pool.mode == "sum"}
    for name, arrays in kernel_arrays(network).items():
        if has_values:
            assert arrays["weight"].dtype == np.float32, name
        elif name in sums:
            assert arrays["weight"].dtype == np.int8, name


@pytest.mark.parametrize("seed", range(3))
def test_graded_inputs_and_sources(seed: int) -> None:
    network = graded(seed)
    arrays = kernel_arrays(network)
    assert [arrays[name]["weight"].dtype for name in "0134"] == [np.float32] * 3 + [np.int16]
    rng = np.random.default_rng(seed)
    results = check_native(
        network, *(values(rng, network, 2, rate) for rate in RATES), window=1 + seed
    )
    assert min(results[-1].totals[name].sum() for name in ("a", "plane", "b", "c")) > 0


# --- sums at the edges of their numbers -------------------------------------------------------


def current_of(connection, source, pool: Pool2d | None = None) -> tuple[np.ndarray, np.dtype]:
    """Return the currents [targets] when every source spikes, and the format of the weights."""
    size = 64 if isinstance(connection, Dense) else connection.n_targets
    network = Network(
        "sum",
        (Population("in", source, "input"), relay("v", (size,))),
        (Projection("w", "in", "v", connection, pool),),
        DT,
    )
    found = simulate(network, np.ones((1, 1, *source), bool)).values["v"][0, 0]
    return found, kernel_arrays(network)["w"]["weight"].dtype


def alternating(whole: int, sources: int) -> np.ndarray:
    """[64, sources]: the same weight everywhere, every other target of the other sign."""
    signs = np.where(np.arange(64) % 2, -1, 1)[:, None]
    return np.broadcast_to(signs * np.float32(whole), (64, sources)).astype(np.float32)


@pytest.mark.parametrize("sources", [255, 256, 257, 511, 513, 1000])
def test_dense_sums_of_8_bits_outgrow_16(sources: int) -> None:
    found, dtype = current_of(Dense(alternating(127, sources)), (sources,))
    assert dtype == np.int8
    np.testing.assert_array_equal(found, alternating(127 * sources, 1)[:, 0])


# 65,538 times 32,767 is 2^31 - 2; one more does not fit into 32 bits.
@pytest.mark.parametrize(("terms", "dtype"), [(65_538, np.int16), (65_539, np.float32)])
def test_sums_up_to_the_largest_of_32_bits(terms: int, dtype: type) -> None:
    expected = np.float32(32767 * terms)
    indptr = np.arange(terms + 1)
    for sign in (1, -1):
        every = np.full(terms, sign * 32767, np.float32)
        repeated = Sparse(np.array([0, terms]), np.full(terms, 3, np.int32), every, 4)
        spread = Sparse(indptr, np.full(terms, 3, np.int32), every, 4)
        for connection, source in ((repeated, (1,)), (spread, (terms,))):
            found, form = current_of(connection, source)
            assert form == dtype
            assert found.tolist() == [0, 0, 0, sign * expected]


@pytest.mark.parametrize(("whole", "dtype"), [(32767, np.int16), (32769, np.float32)])
def test_windows_in_front_count_as_terms(whole: int, dtype: type) -> None:
    # Each of 128 x 128 outputs sees 4 neurons: 65,536 terms of a target.
    pool = Pool2d((2, 2), (2, 2))
    connection = Dense(alternating(whole, 128 * 128))
    found, form = current_of(connection, (1, 256, 256), pool)
    assert form == dtype
    np.testing.assert_array_equal(found, alternating(whole * 65_536, 1)[:, 0])


def test_overlapping_windows_and_repeated_targets_count_as_terms() -> None:
    # 3 x 3 windows at every position of 20 x 20, each with the same target 20 times.
    pool = Pool2d((3, 3), (1, 1))
    terms = 18 * 18 * 20
    many = Sparse(
        np.arange(0, terms + 1, 20), np.zeros(terms, np.int32), np.full(terms, 32767.0, "f4"), 1
    )
    found, form = current_of(many, (1, 20, 20), pool)
    assert form == np.int16
    assert found.tolist() == [np.float32(32767 * terms * 9)]


# --- threads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("make", [lambda: sized(7), lambda: convolved(1)], ids=["sized", "conv"])
def test_threads_change_no_bit(make, samples: int, monkeypatch) -> None:
    network = make()
    inputs = spikes(np.random.default_rng(3), network, samples, 0.4)
    expected = simulate_reference(network, inputs)
    blocks = set()
    for threads in ("1", "2", "3", "5"):
        monkeypatch.setenv(THREADS, threads)
        blocks |= {each.blocks for each in compile_network(network).program.layouts}
        for schedule in ("layers", "steps"):
            assert same(simulate(network, inputs, schedule=schedule), expected), threads
    assert max(blocks) >= 3


@pytest.mark.parametrize("schedule", ["layers", "steps"])
def test_many_repeats_on_more_threads_than_processors(schedule, monkeypatch) -> None:
    network = sized(7)
    inputs = np.random.default_rng(4).random((1, 150, *network.populations[0].shape)) < 0.3
    monkeypatch.setenv(THREADS, "1")
    alone = simulate(network, inputs, schedule="steps")
    assert alone.totals["b"].sum() > 100
    monkeypatch.setenv(THREADS, "5")
    for _ in range(10):
        assert same(simulate(network, inputs, schedule=schedule), alone)


# --- the other compiled module ------------------------------------------------------------------


def test_the_module_for_any_processor_agrees_too() -> None:
    code = """
import sys
sys.modules["chipletsim.kernels._v3"] = None
import numpy as np
import test_native_kernels as t
from chipletsim import kernels
t.layout._LEAST_IN_BLOCK = 64
assert kernels.native_kernels()
assert "_generic" in kernels._module().__file__
rng = np.random.default_rng(0)
for network in (t.sized(5), t.sized(6), t.convolved(1), t.convolved(2)):
    t.check_native(network, t.spikes(rng, network, 1, 0.4))
network = t.pooling(0, graded=True)
t.check_native(network, t.values(rng, network, 1, 0.4))
found, _ = t.current_of(t.Dense(t.alternating(127, 600)), (600,))
assert abs(found).tolist() == [127 * 600] * 64
"""
    here = Path(__file__).parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=here, timeout=120)
