"""Paths, arrangements and neurons of live modules, without PyTorch: against plain NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest

from chipletsim.engine.reference import CURRENTS
from chipletsim.errors import ConfigError, UsageError
from chipletsim.exchange.snntorch import arrange
from chipletsim.exchange.snntorch.affine import Affine, Traced, joined
from chipletsim.exchange.snntorch.assemble import assemble
from chipletsim.exchange.snntorch.convert import from_snntorch
from chipletsim.exchange.snntorch.neurons import Neurons, kind_name, read_neurons
from chipletsim.exchange.snntorch.paths import Path, RefusedError, merged_pools, pool_of
from chipletsim.exchange.snntorch.rehearsal import Rehearsal
from chipletsim.exchange.snntorch.trace import Traces
from chipletsim.network.connections import Conv2d, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Population

RANDOM = np.random.default_rng(0)


def whole_numbers(*shape: int) -> np.ndarray:
    """Small whole numbers, of which all sums are exact."""
    return RANDOM.integers(-4, 5, shape).astype(float)


def currents(path: Path, events: np.ndarray) -> np.ndarray:
    """What the path's projection gives, by the slow reference of the engine."""
    connection, pool = path.ending()
    given = events.reshape(path.source_shape)
    if pool is not None:
        given = CURRENTS[Pool2d](pool, given)
    return CURRENTS[type(connection)](connection, given).reshape(path.shape)


def correlated(planes: np.ndarray, kernels: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Cross-correlation by its definition."""
    planes = np.pad(planes, ((0, 0), (padding, padding), (padding, padding)))
    size = kernels.shape[2]
    places = range(0, planes.shape[1] - size + 1, stride)
    return np.array(
        [
            [
                [(planes[:, y : y + size, x : x + size] * kernel).sum() for x in places]
                for y in places
            ]
            for kernel in kernels
        ]
    )


def averaged(planes: np.ndarray, size: int) -> np.ndarray:
    """Averages of windows that do not overlap; what is left over at the edge is left out."""
    channels, height, width = planes.shape
    rows, columns = height // size, width // size
    cut = planes[:, : rows * size, : columns * size]
    return cut.reshape(channels, rows, size, columns, size).mean(axis=(2, 4))


def events(*shape: int) -> np.ndarray:
    return RANDOM.random(shape) < 0.5


def test_a_matrix_on_scaled_events() -> None:
    weight, gain, sent = whole_numbers(3, 5), np.array([1, 2, 0, -1, 4.0]), events(5)
    path = Path.of("a", 0, (5,)).scaled(gain, (5,)).linear(weight, "fc")
    np.testing.assert_array_equal(currents(path, sent), weight @ (gain * sent))


def test_a_matrix_on_permuted_planes() -> None:
    weight, sent = whole_numbers(4, 24), events(2, 3, 4)
    path = Path.of("a", 0, (2, 3, 4)).picked(lambda v: v.transpose(1, 2, 0).reshape(24))
    np.testing.assert_array_equal(
        currents(path.linear(weight, "fc"), sent), weight @ sent.transpose(1, 2, 0).ravel()
    )


def test_a_matrix_on_a_slice_has_synapses_of_that_slice_alone() -> None:
    weight, sent = whole_numbers(4, 3), events(8)
    path = Path.of("a", 0, (8,)).picked(lambda v: v[2:5]).linear(weight, "fc")
    connection, _ = path.ending()
    assert isinstance(connection, Sparse)
    assert connection.targets.size == 12  # 3 sources x 4 targets
    np.testing.assert_array_equal(currents(path, sent), weight @ sent[2:5])


def test_a_matrix_on_signals_side_by_side() -> None:
    weight, a, b = whole_numbers(4, 5), events(3), events(2)
    both = joined([Affine.of(Path.of("a", 0, (3,))), Affine.of(Path.of("b", 0, (2,)))], 0)
    through = [path.linear(weight, "fc") for path in both.paths]
    total = currents(through[0], a) + currents(through[1], b)
    np.testing.assert_array_equal(total, weight @ np.concatenate([a, b]))


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 1)])
def test_a_convolution_on_channels_side_by_side(stride: int, padding: int) -> None:
    kernels, a, b = whole_numbers(4, 3, 3, 3), events(1, 6, 6), events(2, 6, 6)
    both = joined([Affine.of(Path.of("a", 0, a.shape)), Affine.of(Path.of("b", 0, b.shape))], 0)
    convolution = Conv2d(kernels, (stride, stride), ((padding, padding), (padding, padding)))
    through = [path.convolved(convolution, "conv") for path in both.paths]
    total = currents(through[0], a) + currents(through[1], b)
    np.testing.assert_array_equal(
        total, correlated(np.concatenate([a, b]), kernels, stride, padding)
    )


@pytest.mark.parametrize(("stride", "size"), [(1, 2), (2, 2), (1, 3)])
def test_an_average_behind_a_convolution_is_one_convolution(stride: int, size: int) -> None:
    kernels, sent = whole_numbers(2, 1, 3, 3) * size**2, events(1, 11, 11)
    path = Path.of("a", 0, (1, 11, 11)).convolved(Conv2d(kernels, (stride, stride)), "conv")
    path = path.pooled(Pool2d((size, size), (size, size), mode="avg"))
    expected = averaged(correlated(sent, kernels, stride, 0), size)
    assert isinstance(path.ending()[0], Conv2d)
    np.testing.assert_array_equal(currents(path, sent), expected)


@pytest.mark.parametrize("groups", [1, 2])
def test_currents_side_by_side_have_their_own_synapses_alone(groups: int) -> None:
    """Two convolutions into one population: taps on the padding are no synapses."""
    kernels, sent = whole_numbers(2, 2 // groups, 3, 3), events(2, 5, 5)
    convolution = Conv2d(kernels, (2, 2), ((1, 1), (1, 1)), groups=groups)
    part = Affine.of(Path.of("a", 0, sent.shape).convolved(convolution, "conv"))
    first, second = joined([part, part], 0).paths
    connection, _ = second.ending()
    assert isinstance(connection, Sparse)
    # Along an axis of 5, outputs at 0, 2, 4 see 2, 3 and 2 inputs: 7 x 7 taps for each channel.
    assert connection.targets.size == 2 * (2 // groups) * 49
    halves = [sent] if groups == 1 else [sent[:1], sent[1:]]
    expected = np.concatenate(
        [
            correlated(half, own, 2, 1)
            for half, own in zip(halves, np.split(kernels, groups), strict=True)
        ]
    )
    np.testing.assert_array_equal(currents(second, sent)[2:], expected)
    np.testing.assert_array_equal(currents(first, sent)[:2], expected)
    assert not currents(second, sent)[:2].any()


def test_factors_behind_weights_are_folded_in() -> None:
    kernels, sent, factor = whole_numbers(3, 1, 2, 2), events(1, 4, 4), np.array([2.0, 0.5, -1])
    path = Path.of("a", 0, (1, 4, 4)).convolved(Conv2d(kernels), "conv")
    path = path.scaled(factor[:, None, None], path.shape)
    expected = correlated(sent, kernels, 1, 0) * factor[:, None, None]
    np.testing.assert_array_equal(currents(path, sent), expected)
    weight = whole_numbers(3, 16)
    flat = Path.of("a", 0, (16,)).linear(weight, "fc").scaled(factor, (3,))
    np.testing.assert_array_equal(currents(flat, sent), factor * (weight @ sent.ravel()))


def test_events_alone_and_pooled() -> None:
    plain = Path.of("a", 0, (2, 4, 4))
    assert isinstance(plain.ending()[0], OneToOne)
    pooled = plain.pooled(pool_of(2, None, 0, "avg"))
    assert pooled.ending() == (Pool2d((2, 2), (2, 2), mode="avg"), None)
    sent = events(2, 4, 4)
    halved = pooled.scaled(np.array(0.5), pooled.shape)
    np.testing.assert_array_equal(currents(halved, sent), averaged(sent, 2) / 2)
    assert merged_pools(*[Pool2d((2, 2), (2, 2), mode="avg")] * 2).kernel == (4, 4)
    with pytest.raises(RefusedError, match="overlap"):
        merged_pools(Pool2d((3, 3), (2, 2)), Pool2d((2, 2), (2, 2)))


def test_what_paths_refuse() -> None:
    planes = Path.of("a", 0, (2, 4, 4))
    with pytest.raises(RefusedError, match=r"not \[C, H, W\]"):
        Path.of("a", 0, (8,)).convolved(Conv2d(np.ones((1, 1, 1, 1))), "conv")
    with pytest.raises(RefusedError, match="moved"):
        planes.picked(lambda v: v[:, ::-1]).convolved(Conv2d(np.ones((1, 2, 2, 2))), "conv")
    with pytest.raises(RefusedError, match="flatten"):
        planes.linear(np.ones((3, 4)), "fc")
    skipping = planes.convolved(Conv2d(np.ones((1, 2, 1, 1)), (2, 2)), "conv")
    with pytest.raises(RefusedError, match="skips inputs"):
        skipping.pooled(Pool2d((2, 2), (2, 2)))
    largest = planes.pooled(Pool2d((2, 2), (2, 2), mode="max"))
    with pytest.raises(RefusedError, match="maximum"):
        largest.scaled(np.array(2.0), largest.shape).ending()


STEPS, BATCH, WIDTH = 3, 2, 4


def traced(axis: int) -> tuple[Traced, np.ndarray]:
    """An input with an axis of steps, and numbers that tell step and place of each element."""
    affines = tuple(Affine.of(Path.of("in", step, (WIDTH, 2))) for step in range(STEPS))
    axes = ["B", 0, 1]
    axes.insert(axis, "T")
    numbers = np.arange(STEPS * WIDTH * 2).reshape(STEPS, 1, WIDTH, 2)
    numbers = np.broadcast_to(numbers, (STEPS, BATCH, WIDTH, 2))
    return Traced(affines, tuple(axes), BATCH), np.moveaxis(numbers, 0, axis)


def evaluated(found: Traced) -> list[np.ndarray]:
    """The same numbers as the traced tensor says: one array for each of its steps."""
    flat = np.arange(STEPS * WIDTH * 2).reshape(STEPS, WIDTH * 2)
    return [flat[step.paths[0].step][step.paths[0].index] for step in found.steps]


@pytest.mark.parametrize(
    ("axis", "change", "same"),
    [
        (0, lambda t: arrange.indexed(t, 1), lambda v: v[1]),
        (0, lambda t: arrange.indexed(t, (-1, slice(None), 2)), lambda v: v[-1, :, 2]),
        (1, lambda t: arrange.indexed(t, (slice(None), 0, ..., 1)), lambda v: v[:, 0, ..., 1]),
        (3, lambda t: arrange.indexed(t, (..., 2)), lambda v: v[..., 2]),
        (0, lambda t: arrange.permuted(arrange.indexed(t, 0), (0, 2, 1)),
         lambda v: v[0].transpose(0, 2, 1)),
        (0, lambda t: arrange.reshaped(arrange.indexed(t, 2), (BATCH, 8)),
         lambda v: v[2].reshape(BATCH, 8)),
        (0, lambda t: arrange.indexed(arrange.reshaped(
            arrange.reshaped(t, (STEPS * BATCH, 8)), (STEPS, BATCH, 8)), 1),
         lambda v: v.reshape(STEPS * BATCH, 8).reshape(STEPS, BATCH, 8)[1]),
        (1, lambda t: arrange.indexed(arrange.permuted(t, (1, 0, 2, 3)), 2),
         lambda v: v.transpose(1, 0, 2, 3)[2]),
        (2, lambda t: arrange.unbound(t, 2)[1], lambda v: v[:, :, 1]),
        (0, lambda t: arrange.cut(arrange.unbound(t, 0)[1], 1, [1, 3])[1],
         lambda v: v[1][:, 1:4]),
        (0, lambda t: arrange.indexed(arrange.stacked(arrange.unbound(t, 0)[1:], 0), 0),
         lambda v: np.stack([v[1], v[2]])[0]),
    ],
)  # fmt: skip
def test_arranging_is_what_numpy_does(axis, change, same) -> None:
    found, numbers = traced(axis)
    expected = same(numbers)
    (values,) = evaluated(change(found))
    np.testing.assert_array_equal(values, expected[0])  # samples are alike


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: arrange.indexed(t, (slice(None), 0)), "picks samples"),
        (lambda t: arrange.reshaped(t, (STEPS, BATCH * 8)), "samples or steps"),
        (lambda t: arrange.unbound(t, 1), "samples one by one"),
        (lambda t: arrange.summed(t, 2, 1.0), "values of the signal"),
    ],
)
def test_samples_stay_apart(change, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        change(traced(0)[0])


def test_numbers_that_differ_from_sample_to_sample_are_refused() -> None:
    found, _ = traced(0)
    alike = np.broadcast_to(whole_numbers(STEPS, 1, WIDTH, 2), (STEPS, BATCH, WIDTH, 2))
    np.testing.assert_array_equal(arrange.by_step(alike, found)[2], alike[2, 0])
    with pytest.raises(RefusedError, match="sample to sample"):
        arrange.by_step(np.arange(STEPS * BATCH * 8.0).reshape(STEPS, BATCH, WIDTH, 2), found)


class Tensor:
    """As much of a tensor as reading parameters takes."""

    def __init__(self, values) -> None:
        self.values = np.asarray(values, np.float32)

    def detach(self) -> "Tensor":
        return self

    cpu = detach

    def numpy(self) -> np.ndarray:
        return self.values

    def new_tensor(self, values) -> "Tensor":
        return Tensor(values)


def neurons(**changed):
    """A stand-in for a module of snnTorch."""

    def _base_sub() -> None: ...

    def _base_zero() -> None: ...

    resets = {"subtract": (_base_sub, 0), "zero": (_base_zero, 1)}
    reset = changed.pop("reset_mechanism", "subtract")
    options = {
        "beta": Tensor(0.75), "alpha": Tensor(0.5), "threshold": Tensor(1.0), "inhibition": False,
        "state_quant": False, "reset_mechanism": reset, "state_function": resets[reset][0],
        "reset_mechanism_val": resets[reset][1], "reset_delay": True,
        "spike_grad": lambda v: Tensor(v.values > 0),
    }  # fmt: skip
    return SimpleNamespace(**(options | changed))


@pytest.mark.parametrize(
    ("kind", "options", "model"),
    [
        ("Leaky", {}, "leaky_subtract"),
        ("Leaky", {"reset_mechanism": "zero", "reset_delay": False}, "leaky_zero_now"),
        ("RLeaky", {"reset_mechanism": "zero"}, "rleaky_zero"),
        ("RLeaky", {"reset_delay": False}, "leaky_subtract_now"),
        ("Synaptic", {"reset_mechanism": "zero", "reset_delay": False}, "synaptic_zero_now"),
        ("RSynaptic", {}, "synaptic_subtract"),
    ],
)
def test_the_model_of_neurons(kind: str, options: dict, model: str) -> None:
    assert read_neurons(neurons(**options), kind, (4,)).model == model


def test_parameters_are_clamped_and_broadcast_as_pytorch_does() -> None:
    found = read_neurons(
        neurons(beta=Tensor([[1.5], [-0.5]]), threshold=Tensor([[[0.25, 0.5]]])), "Leaky", (2, 2)
    )
    np.testing.assert_array_equal(found.parameters["beta"], [[1, 1], [0, 0]])
    np.testing.assert_array_equal(found.parameters["v_threshold"], [[0.25, 0.5]] * 2)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("Leaky", {"inhibition": True}, "inhibition"),
        ("Leaky", {"state_quant": object()}, "state_quant"),
        ("Leaky", {"spike_grad": lambda v: Tensor(v.values >= 0)}, "spike_grad"),
        ("Leaky", {"beta": Tensor([1, 1, 1])}, r"`beta` of shape \[3\]"),
        ("Leaky", {"reset_mechanism_val": 1}, "make the module anew"),
        ("Leaky", {"state_function": lambda: None}, "state_function"),
        ("RSynaptic", {"reset_delay": False}, "reset_delay"),
    ],
)
def test_options_without_a_counterpart(kind: str, options: dict, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        read_neurons(neurons(**options), kind, (4,))


class Leaky:
    """Stands for the library's class; subclasses may replace a step."""

    def forward(self) -> None: ...

    def _base_sub(self) -> None: ...


def test_classes_of_neurons() -> None:
    known = ("Alpha", "RLeaky", "Synaptic", "RSynaptic", "SLSTM")
    others = {name: type(name, (), {}) for name in known}
    spiking = type("SpikingNeuron", (), {})
    library = SimpleNamespace(
        Leaky=Leaky, Lapicque=type("L", (), {}), SpikingNeuron=spiking, **others
    )
    assert kind_name(type("Mine", (Leaky,), {})(), library) == "Leaky"
    assert kind_name(object(), library) is None
    with pytest.raises(RefusedError, match="`_base_sub` of its own"):
        kind_name(type("Mine", (Leaky,), {"_base_sub": lambda self: None})(), library)
    assert kind_name(library.Alpha(), library) == "Alpha"
    with pytest.raises(RefusedError, match=r"snntorch\.SLSTM"):
        kind_name(library.SLSTM(), library)
    with pytest.raises(RefusedError, match="steps are not known"):
        kind_name(type("Mine", (spiking,), {})(), library)


def run_of(paths_by_step: list[list[Path]], constants=(0.0, 0.0, 0.0)) -> SimpleNamespace:
    """A run of one population of three neurons, fed by these paths in each step."""
    made = Neurons("leaky_subtract", {"beta": np.array(0.5, np.float32)})
    calls = {
        step: Affine(tuple(paths), np.full(3, constant))
        for step, (paths, constant) in enumerate(zip(paths_by_step, constants, strict=False))
    }
    return SimpleNamespace(inputs={"in": (3,)}, populations={"lif": Traces(made, (3,), 1, calls)})


def test_feedback_has_the_delay_with_which_it_came() -> None:
    weight = whole_numbers(3, 3)
    steps = [[Path.of("in", step, (3,)).linear(weight, "fc")] for step in range(3)]
    for step in (1, 2):
        steps[step].append(Path.of("lif", step - 1, (3,)).linear(2 * weight, "back"))
    network = assemble(run_of(steps, (0.5,) * 3), "net", 1e-3, ["lif"], {"in": 0})
    assert [(p.name, p.source, p.delay) for p in network.projections] == [
        ("fc", "in", 0),
        ("back", "lif", 1),
    ]
    np.testing.assert_array_equal(network.population("lif").bias, [0.5] * 3)
    assert network.population("lif").output


@pytest.mark.parametrize(
    ("scales", "constants", "message"),
    [
        ((1, 1, 2), (0, 0, 0), "weights or the order"),
        ((1, 1, 1), (0, 1, 1), "constant or bias"),
        ((1,), (0,), "one step alone"),
    ],
)
def test_steps_that_differ_are_refused(scales, constants, message: str) -> None:
    weight = np.ones((3, 3))
    steps = [
        [Path.of("in", step, (3,)).linear(scale * weight, "fc")]
        for step, scale in enumerate(scales)
    ]
    with pytest.raises(ConfigError, match=message):
        assemble(run_of(steps, constants), "net", 1e-3, ["lif"], {"in": 0})


def test_sources_that_change_are_refused() -> None:
    steps = [[Path.of("in", 0, (3,))], [Path.of("in", 0, (3,))], [Path.of("in", 2, (3,))]]
    with pytest.raises(ConfigError, match="'in' 1 steps ago"):
        assemble(run_of(steps), "net", 1e-3, ["lif"], {"in": 0})


def rehearsal() -> Rehearsal:
    """A run beside one population of two neurons, ``v = v / 2 + I`` less 1 after a spike."""
    made = Neurons("leaky_subtract", {"beta": np.array(0.5, np.float32)})
    neurons = Population("lif", (2,), "leaky_subtract", {"beta": np.full(2, 0.5, np.float32)})
    trace = SimpleNamespace(
        torch=None, graded=frozenset(), populations={"lif": Traces(made, (2,), module="lif")}
    )
    return Rehearsal(trace, Network("net", (neurons,), (), 1e-3), None)


def step_of(**changed) -> dict:
    """Neurons at 0 and 1.5 under a current of 2 and 1/4: 2, a spike, and 0.75 + 0.25 - 1 = 0."""
    numbers = {"before": [[0, 1.5]], "current": [[2, 0.25]], "after": [[2, 0]], "spikes": [[1, 0]]}
    arrays = {name: np.array(values, np.float32) for name, values in (numbers | changed).items()}
    states = {name: {"v": arrays[name]} for name in ("before", "after")}
    return arrays | states | {"spikes": arrays["spikes"] > 0}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"spikes": [[1, 1]]}, r"spikes in step 3 otherwise than `leaky_subtract` .*: 1 of 2"),
        ({"after": [[2, 0.001]]}, "leaves a state in step 3 .*`v` differs by 0.001"),
        ({"before": [[0, 0.5]]}, "leaves a state"),
        ({"current": [[2, np.nan]]}, "leaves a state"),
    ],
)
def test_a_step_of_neurons_is_that_of_their_model(changed: dict, message: str) -> None:
    rehearsal().compare_step("lif", 3, **step_of())
    with pytest.raises(RefusedError, match=message):
        rehearsal().compare_step("lif", 3, **step_of(**changed))


def test_a_spike_that_hangs_on_the_last_bits_is_left_out() -> None:
    """A membrane of 1 + 1e-7 may be 1 in sums of another order: no spike, and no reset either."""
    near = step_of(current=[[1 + 1.2e-7, 0.25]], after=[[1, 0]], spikes=[[0, 0]])
    rehearsal().compare_step("lif", 0, **near)
    with pytest.raises(RefusedError, match="spikes in step 0 otherwise"):
        rehearsal().compare_step("lif", 0, **step_of(current=[[1.001, 0.25]], spikes=[[0, 0]]))


@pytest.mark.parametrize("missing", ["torch", "snntorch"])
def test_what_is_not_installed_is_named(monkeypatch, missing: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, missing, None)
    with pytest.raises(UsageError, match="pip install snntorch torch"):
        from_snntorch(object(), object())
