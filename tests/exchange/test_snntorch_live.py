"""Live modules of snnTorch as networks: the same spikes, or one clear error."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
snn = pytest.importorskip("snntorch", reason="snnTorch is not installed")
pytest.importorskip("benchmarks", reason="benchmarks are run from the root of the repository")

from torch import nn  # noqa: E402

import chipletsim as cs  # noqa: E402

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "peers"))
import snntorch_random  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:the module is in training mode"),
    pytest.mark.filterwarnings("ignore:populations stand for functions"),
]


def leaky(beta=0.5, **options):
    return snn.Leaky(beta=beta, init_hidden=True, **options)


def inhibited():
    """Set afterwards: snnTorch warns of it."""
    neurons = leaky()
    neurons.inhibition = True
    return neurons


def spikes_of(network, inputs, name):
    """Spikes [samples, steps, ...] of a population for snnTorch's [steps, samples, ...]."""
    activity = cs.simulate(network, inputs.transpose(0, 1).numpy())
    return activity.spikes(name)


def ends(network):
    return [(each.source, each.target, each.delay) for each in network.projections]


@pytest.mark.parametrize("seed", [*range(100, 112), *(
    pytest.param(seed, marks=pytest.mark.slow) for seed in range(200, 500)
)])  # fmt: skip
def test_random_networks_spike_alike(seed: int) -> None:
    require_alike(snntorch_random.draw(seed))


def require_alike(case) -> None:
    expected, margin = snntorch_random.recorded(case)
    snntorch_random.forget(case.module)
    network = cs.from_snntorch(case.module, **case.options)
    inputs = case.inputs.transpose(0, 1).numpy()
    activity = cs.simulate(network, inputs)
    for name, spikes in expected.items():
        found = activity.spikes(name).reshape(spikes.shape)
        assert np.array_equal(found, spikes) or (not case.exact and margin < 1e-6), name


@pytest.mark.parametrize("seed", [*range(700, 704), *(
    pytest.param(seed, marks=pytest.mark.slow) for seed in range(704, 800)
)])  # fmt: skip
def test_random_networks_of_alpha_neurons_spike_alike(seed: int) -> None:
    require_alike(snntorch_random.draw(seed, alpha=True))


class Loop(nn.Module):
    """Goes through steps; what a test changes is in ``current`` and ``after``."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.lif = snn.Leaky(beta=0.5)

    def start(self, x):
        return self.lif.reset_mem()

    def after(self, mem):
        return mem

    def forward(self, x):
        mem, record = self.start(x), []
        for step in range(x.shape[0]):
            spikes, mem = self.lif(self.fc(x[step]), mem)
            mem = self.after(mem)
            record.append(spikes)
        return torch.stack(record)


class Changed(Loop):
    def after(self, mem):
        return mem * 0.5


class FromOne(Loop):
    def start(self, x):
        return torch.ones(x.shape[1], 3)


class BehindItsBack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(4, 3), leaky()

    def forward(self, x):
        current = self.fc(x)
        current.view(-1).data.mul_(2)
        return self.lif(current)


class Decides(BehindItsBack):
    def forward(self, x):
        return self.lif(self.fc(x) if x.sum() > 1 else -self.fc(x))


class LateBias(BehindItsBack):
    before = None

    def forward(self, x):
        current = self.fc(x) if self.before is None else self.fc(x) + 1
        self.before = self.lif(current)
        return self.before


class Sums(Loop):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(3, 2)

    def forward(self, x):
        return self.out(super().forward(x).sum(0))


FLAT, STEPS, PLANES = (2, 4), (5, 2, 4), (2, 1, 6, 6)


def chain(*modules):
    return nn.Sequential(nn.Linear(4, 3), *modules)


@pytest.mark.parametrize(
    ("module", "shape", "options", "message"),
    [
        (chain(snn.SLSTM(3, 3, init_hidden=True)), FLAT, {}, r"modules\.1: is `snntorch\.SLSTM`"),
        (nn.Sequential(snn.LeakyParallel(4, 3)), STEPS, {}, r"snntorch\.LeakyParallel"),
        (chain(inhibited()), FLAT, {}, "inhibition"),
        (chain(leaky(state_quant=lambda v: v)), FLAT, {}, "state_quant"),
        (chain(leaky(spike_grad=torch.sigmoid)), FLAT, {}, "spike_grad"),
        (chain(nn.ReLU(), leaky()), FLAT, {}, r"modules\.2: .*`relu`.*module '1'"),
        (chain(nn.LayerNorm(3), leaky()), FLAT, {}, "layer_norm"),
        (chain(nn.BatchNorm1d(3, track_running_stats=False), leaky()), FLAT, {}, "of the batch"),
        (nn.Sequential(nn.ConvTranspose2d(1, 2, 3), leaky()), PLANES, {}, "conv_transpose2d"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), leaky()), PLANES,
         {}, "`pad`"),
        (chain(leaky()).double(), FLAT, {}, "0.weight is torch.float64"),
        (chain(leaky(beta=torch.rand(5))), FLAT, {}, r"`beta` of shape \[5\]"),
        (chain(), FLAT, {}, "no neurons"),
        (chain(leaky()), STEPS, {"time_axis": 0}, "leave out `time_axis`"),
        (Loop(), STEPS, {}, "say so by `time_axis`"),
        (Loop(), (1, 2, 4), {"time_axis": 0}, "at least two"),
        (Changed(), STEPS, {"time_axis": 0}, "is given as `mem` what is not its own"),
        (FromOne(), STEPS, {"time_axis": 0}, "starts from a `mem` that is not zero"),
        (BehindItsBack(), FLAT, {}, "its network does not give"),
        (Decides(), FLAT, {}, "decides by the value of a signal"),
        (LateBias(), FLAT, {}, "a constant or bias differs"),
        (Sums(), STEPS, {"time_axis": 0}, "several steps at once"),
    ],
)  # fmt: skip
def test_one_clear_error(module, shape, options, message) -> None:
    with pytest.raises(cs.ConfigError, match=message):
        cs.from_snntorch(module, torch.zeros(shape), **options)


@pytest.mark.parametrize(
    ("module", "sample", "options", "message"),
    [
        (3, torch.zeros(FLAT), {}, "Module, got int"),
        (chain(leaky()), np.zeros(FLAT), {}, "got ndarray"),
        (chain(leaky()), torch.zeros(4), {}, r"shape \[4\], expected \[samples"),
        (chain(leaky()), torch.zeros(2, 5), {}, "cannot be multiplied"),
        (Loop(), torch.zeros(STEPS), {"time_axis": 3}, "has 3 axes"),
        (chain(leaky()), torch.zeros(0, 4), {}, "is empty"),
        (chain(leaky()), torch.zeros(FLAT), {"outputs": ["l"]}, "no population 'l'"),
        (chain(leaky()), torch.zeros(FLAT), {"dt": "1 mV"}, "dt: .* wrong dimension"),
        (
            chain(leaky()),
            torch.zeros(FLAT),
            {"states": (None,)},
            "takes? .* positional|2 states|fails",
        ),
    ],
)
def test_wrong_usage(module, sample, options, message) -> None:
    with pytest.raises(cs.UsageError, match=message):
        cs.from_snntorch(module, sample, **options)


def test_the_module_is_left_as_it_was_found() -> None:
    net = chain(nn.BatchNorm1d(3), nn.Dropout(0.5), leaky(learn_threshold=True, output=True))
    net.log, net.register = ["mine"], {"kept": 1}
    net[1].eval()
    net(torch.rand(2, 4))[0].sum().backward()  # membranes with gradients, as after training
    before = {name: dict(each.__dict__) for name, each in net.named_modules()}
    state = {name: value.clone() for name, value in net.state_dict().items()}
    membrane, training = net[3].mem, [each.training for each in net.modules()]
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    cs.from_snntorch(net, torch.zeros(2, 4))
    assert torch.equal(torch.rand(3), expected)
    assert net[3].mem is membrane
    assert [each.training for each in net.modules()] == training
    assert net.log == ["mine"]
    for name, each in net.named_modules():
        assert each.__dict__.keys() == before[name].keys()
        assert all(each.__dict__[key] is value for key, value in before[name].items())
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(each.grad is not None for each in net[0].parameters())


class Keeps(nn.Module):
    """Changes what it holds in every call."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif = nn.Linear(4, 3), leaky()
        self.register_buffer("calls", torch.zeros(1))
        self.past, self.record = torch.zeros(1, 3), []

    def forward(self, x):
        self.calls += 1
        self.past = self.lif(self.fc(x))
        self.record.append(self.past)
        return self.past


def test_what_a_module_keeps_is_put_back() -> None:
    net = Keeps()
    past = net.past
    cs.from_snntorch(net, torch.zeros(2, 4))
    assert net.calls.item() == 0
    assert net.past is past
    assert net.record == []


class Shared(nn.Module):
    """One neuron module for two layers, whose states its user keeps apart."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.lif = nn.Linear(4, 3), nn.Linear(3, 3), snn.Leaky(beta=0.5)

    def forward(self, x):
        first, second, record = self.lif.reset_mem(), self.lif.reset_mem(), []
        for each in x:
            spikes, first = self.lif(self.one(each), first)
            spikes, second = self.lif(self.two(spikes), second)
            record.append(spikes)
        return torch.stack(record)


def test_one_neuron_module_for_two_layers() -> None:
    net, inputs = Shared(), (torch.rand(9, 2, 4) < 0.5).float()
    with torch.no_grad():
        net.one.weight.copy_(torch.round(torch.rand(3, 4) * 64) / 64)
        net.two.weight.copy_(torch.round(torch.rand(3, 3) * 64) / 32)
        expected = net(inputs)
    network = cs.from_snntorch(net, inputs, time_axis=0)
    assert ends(network) == [("input", "lif", 0), ("lif", "lif:2", 0)]
    found = spikes_of(network, inputs, "lif:2")
    assert found.any()
    np.testing.assert_array_equal(found, expected.transpose(0, 1).numpy())


class Wired(nn.Module):
    """Spikes come back as an argument that its user hands on."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.back, self.lif = nn.Linear(4, 3), nn.Linear(3, 3), snn.Leaky(beta=0.5)

    def forward(self, x, spikes=None, mem=None):
        past = torch.zeros(x.shape[0], 3) if spikes is None else spikes
        spikes, mem = self.lif(self.fc(x) + self.back(past), mem)
        return spikes, spikes, mem


class Delayed(nn.Module):
    """Spikes come back some steps later."""

    def __init__(self, steps=2) -> None:
        super().__init__()
        self.fc, self.back, self.lif = nn.Linear(4, 3), nn.Linear(3, 3), leaky()
        self.past = [torch.zeros(2, 3)] * steps

    def forward(self, x):
        spikes = self.lif(self.fc(x) + self.back(self.past[0]))
        self.past = [*self.past[1:], spikes]
        return spikes


@pytest.mark.parametrize(("kind", "delay"), [(Wired, 1), (Delayed, 2)])
def test_feedback_by_hand(kind, delay: int) -> None:
    network = cs.from_snntorch(kind(), torch.zeros(2, 4))
    assert ends(network) == [("input", "lif", 0), ("lif", "lif", delay)]


def test_feedback_that_does_not_come_round_is_refused() -> None:
    with pytest.raises(cs.ConfigError, match=r"modules\.back: .*no neuron or input"):
        cs.from_snntorch(Delayed(20), torch.zeros(2, 4))


class Remembers(nn.Module):
    """Spikes come back without weights, some steps later."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.fc, self.lif, self.past = nn.Linear(4, 3), leaky(), [torch.zeros(2, 3)] * steps

    def forward(self, x):
        self.past.append(self.lif(self.fc(x) + self.past.pop(0)))
        return self.past[-1]


class Counts(nn.Module):
    """Does something else in its twelfth step and after."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif, self.out = nn.Linear(4, 3), leaky(), leaky()
        self.step = -1

    def forward(self, x):
        self.step += 1
        current = self.fc(x)
        if self.step >= 12:
            current = self.late(current)
        return self.out(self.lif(current))

    def late(self, current):
        return current


class Rewires(Counts):
    def late(self, current):
        return current * 2


class Resets(Counts):
    def late(self, current):
        if self.step == 12:
            self.lif.reset_mem()
        return current


class ChangesStates(Counts):
    def late(self, current):
        self.lif.mem.data.mul_(0.5)
        return current


class ChangesThresholds(Counts):
    def late(self, current):
        self.lif.threshold.data.mul_(0.01)
        return current


class GivesStates(Counts):
    def late(self, current):
        self.lif.mem = torch.ones_like(current)
        return current


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Remembers(9), r"modules\.lif: takes a current in step 9 that its network does not give"),
        (Remembers(31), "modules.lif: takes a current in step 31 "),
        (Rewires(), "modules.lif: takes a current in step 12 that"),
        (Resets(), "modules.lif: starts from states of zero once more, after step 11"),
        (ChangesStates(), "modules.lif: has its `mem` changed between steps 11 and 12"),
        (ChangesThresholds(), "modules.lif: (spikes|leaves a state) in step 12 "),
        (GivesStates(), "modules.lif: goes on, after step 11, from states that it did not leave"),
    ],
)
def test_what_comes_after_the_steps_followed_is_refused(module, message: str) -> None:
    with pytest.raises(cs.ConfigError, match=message):
        cs.from_snntorch(module, torch.zeros(2, 4))


def test_feedback_within_the_steps_followed_needs_no_weights() -> None:
    network = cs.from_snntorch(Remembers(7), torch.zeros(2, 4))
    assert ends(network) == [("input", "lif", 0), ("lif", "lif", 7)]


def test_a_network_says_over_how_many_steps_it_was_checked() -> None:
    """Feedback after 40 steps is not seen in 32, nor in the steps of a sample."""

    def checked(module, shape, **options):
        (caveat,) = cs.from_snntorch(module, torch.zeros(shape), **options).caveats
        return caveat

    assert "longer than the 32 steps" in checked(Remembers(40), FLAT)
    assert "longer than the 40 steps" in checked(Remembers(40), FLAT, checked_steps=40)
    with pytest.raises(cs.ConfigError, match="in step 40 "):
        checked(Remembers(40), FLAT, checked_steps=41)
    assert "longer than the 5 steps" in checked(Loop(), STEPS, time_axis=0)
    with pytest.raises(cs.UsageError, match="whole number from 1, got 0"):
        checked(Loop(), STEPS, time_axis=0, checked_steps=0)


def test_the_convolutional_network_of_the_tutorials() -> None:
    """Maxima of currents: values become populations, windows take their maxima."""
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), leaky(), nn.Conv2d(3, 4, 2), nn.MaxPool2d(2),
        leaky(), nn.Flatten(), nn.Linear(16, 2), leaky(output=True),
    )  # fmt: skip
    for each in net.parameters():
        each.data = torch.round(each.data * 256) / 64
    inputs = torch.round(torch.rand(6, 2, 1, 12, 12) * 8) / 8
    network = cs.from_snntorch(net, inputs[0])
    with torch.no_grad():
        expected = torch.stack([net(each)[0] for each in inputs], 1).numpy()
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(spikes_of(network, inputs, "8"), expected)
    values = {each.name: each.value_bits for each in network.populations if each.value_bits}
    assert values == {"input": 32, "0.values": 32, "3.values": 32}


def test_a_normalised_convolution_by_hand() -> None:
    """Variance 4, mean 1, factor 2, shift 5: a weight of 3 stays; bias 2 (0.5 - 1) / 2 + 5."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), leaky()).eval()
    with torch.no_grad():
        net[0].weight.fill_(3.0)
        net[0].bias.fill_(0.5)
        net[1].running_mean.fill_(1.0)
        net[1].running_var.fill_(4.0)
        net[1].eps = 0.0
        net[1].weight.fill_(2.0)
        net[1].bias.fill_(5.0)
    network = cs.from_snntorch(net, torch.zeros(1, 1, 2, 2))
    assert network.projections[0].connection.weights.item() == 3.0
    np.testing.assert_array_equal(network.population("2").bias, np.full((1, 2, 2), 4.5))


def test_inputs_are_spikes_or_values_as_the_sample_is() -> None:
    def bits(sample, **options):
        return cs.from_snntorch(chain(leaky()), sample, **options).population("input").value_bits

    assert [bits(torch.zeros(FLAT)), bits(torch.full(FLAT, 0.5))] == [0, 32]
    assert bits(torch.full(FLAT, 0.5), input_bits=8) == 8


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.lif = nn.Linear(4, 3), nn.Linear(2, 3), leaky()

    def forward(self, image, sound):
        return self.lif(torch.cat([self.a(image)[:, :1], self.b(sound)[:, 1:]], 1))


@pytest.mark.parametrize("table", [False, True])
def test_several_inputs_have_the_names_of_the_arguments(table: bool) -> None:
    image, sound = torch.zeros(2, 4), torch.zeros(2, 2)
    sample = {"sound": sound, "image": image} if table else (image, sound)
    network = cs.from_snntorch(Two(), sample)
    assert {each.name: each.shape for each in network.populations} == {
        "image": (4,), "sound": (2,), "lif": (3,),
    }  # fmt: skip


class Membranes(Loop):
    def forward(self, x):
        mem = self.start(x)
        for each in x:
            _, mem = self.lif(self.fc(each), mem)
        return mem


class Reports(BehindItsBack):
    def forward(self, x):
        spikes = self.lif(self.fc(x))
        self.rate = spikes.mean().item()
        return spikes


def test_what_the_user_should_know_is_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"membranes of lif, .*record"):
        network = cs.from_snntorch(Membranes(), torch.zeros(STEPS), time_axis=0)
    assert network.population("lif").output
    with pytest.warns(UserWarning, match=r"neurons do: 2\.any .*; 3\.values .*32-bit"):
        cs.from_snntorch(
            nn.Sequential(
                nn.Conv2d(1, 2, 3), leaky(), nn.MaxPool2d(2), nn.Conv2d(2, 2, 1), nn.MaxPool2d(2),
                leaky(),
            ),
            torch.zeros(PLANES),
        )  # fmt: skip
    with pytest.warns(UserWarning, match=r"reads values of its signals \(`item`\); "):
        cs.from_snntorch(Reports(), torch.zeros(FLAT))
    with pytest.warns(UserWarning, match="training mode; 1 are taken"):
        cs.from_snntorch(chain(nn.Dropout(), leaky()), torch.zeros(FLAT))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cs.from_snntorch(chain(nn.Dropout(), leaky()).eval(), torch.zeros(FLAT))


def test_three_lines_answer_what_it_would_cost() -> None:
    net = nn.Sequential(nn.Linear(20, 10), leaky(), nn.Linear(10, 4), leaky(output=True))
    inputs = (torch.rand(6, 2, 20) < 0.5).float().requires_grad_()
    network = cs.from_snntorch(net, inputs[0])
    result = cs.evaluate(network, "packages/four_dies", inputs, time_axis=0)
    assert "energy per inference" in str(result)
    assert "longer than the 32 steps over which the network was checked" in str(result)
    assert result.energy_per_inference_j > 0
