"""Published firing rates times counts give the published operations and energies."""

import pytest
from reference_counts import built, entries

from chipletsim.errors import UsageError
from chipletsim.models import Kind, operations
from chipletsim.models.operations import ADDITION_ENERGY_J, MAC_ENERGY_J, in_bounds_macs

SPIKINGFORMERS = ["spikingformer_8_512", "spikingformer_8_768"]


def published_rates(name):
    """Return the rates of the reference, in percent there, by the names of layers."""
    table = entries()[name]["firing_rates"]
    pools = ("maxpool", "maxpool1", "maxpool2", "maxpool3")
    rates = dict(zip(pools, (row[1] for row in table["tokenizer_conv_input"][1:]), strict=True))
    neurons = ("qkv", "q", "k", "v", "attn", "fc1", "fc2")
    for block, *percent in table["blocks"]:
        rates |= {f"block.{block}.{n}_lif": p for n, p in zip(neurons, percent, strict=True)}
    return {layer: percent / 100 for layer, percent in rates.items()}


@pytest.mark.parametrize("name", SPIKINGFORMERS)
def test_dense_counts_of_the_tokenizer(name):
    model = built(name)
    rows = entries()[name]["firing_rates"]["tokenizer_conv_input"]
    found = [layer.macs * model.applications(layer) for layer in model.of(Kind.CONVOLUTION)]
    assert found == [row[2] for row in rows]


@pytest.mark.parametrize("name", SPIKINGFORMERS)
def test_operations_and_energy(name):
    """To 1e-5, as the published rates have five digits."""
    model, published = built(name), entries()[name]["published"]
    found = operations(model, published_rates(name), biases=True)
    attention = sum(found.accumulations[layer.name] for layer in model.of(Kind.LINEAR_ATTENTION))
    others = found.total_accumulations - attention
    assert others == pytest.approx(published["conv_acs"], rel=1e-5, abs=0)
    assert attention == pytest.approx(published["attention_acs"], rel=1e-4, abs=0)
    assert found.total_accumulations == pytest.approx(published["acs"], rel=1e-5, abs=0)
    assert found.total_macs == published["macs"]
    assert 1e3 * found.energy_j() == pytest.approx(published["energy_mj"], rel=1e-5, abs=0)


def test_sums_written_down():
    name = "spikingformer_8_512"
    found = operations(built(name), published_rates(name), biases=True)
    products = [value for name, value in found.accumulations.items() if "ktv" in name]
    assert round(sum(products)) == 27_824_960
    assert round(found.total_accumulations - sum(products)) == 6_489_719_890


@pytest.mark.parametrize(("name", "energy_mj"), [("sew_resnet34", 4.04), ("sew_resnet50", 4.89)])
def test_energy_of_sew_resnet(name, energy_mj):
    """Published operations at 0.9 pJ and the first convolution, once, at 4.6 pJ."""
    model, ops = built(name), entries()[name]["published"]["ops"]
    first = model.layer("conv1")
    energy_j = ADDITION_ENERGY_J * ops + MAC_ENERGY_J * first.macs * model.applications(first)
    assert 1e3 * energy_j == pytest.approx(energy_mj, abs=0.006)


def test_rate_of_one_costs_as_much_as_dense():
    model = built("spikformer_8_512")
    sending = [layer.name for layer in model.layers if layer.signal.sparse]
    found = operations(model, dict.fromkeys(sending, 1.0))
    assert found.total_macs + found.total_accumulations == model.macs
    assert operations(model, dict.fromkeys(sending, 0.0)).total_accumulations == 0


def test_biases_count_one_operation_per_output():
    model = built("neurobench_gsc_snn")
    rates = {layer.name: 1.0 for layer in model.layers if layer.signal.sparse}
    plain, more = operations(model, rates), operations(model, rates, biases=True)
    difference = more.total_accumulations - plain.total_accumulations
    assert difference == 200 * (3 * 256 + 35)
    assert not built("gpt2_small").layer("lm_head").biased


def test_recurrent_spikes_are_priced():
    model = built("sparch_shd_rlif_128")
    rates = {"input": 0.02, "0.neuron": 0.1, "1.neuron": 0.2}
    found = operations(model, rates).accumulations
    assert found["0.V"] == pytest.approx(0.1 * 128 * 128 * 100)
    assert found["1.W"] == pytest.approx(0.1 * 128 * 128 * 100)
    assert found["1.V"] == pytest.approx(0.2 * 128 * 128 * 100)


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({}, "needs the rate of input"),
        ({"nobody": 0.1}, "no layer"),
        ({"input": -0.1}, "at least 0"),
        ({"input": float("nan")}, "at least 0"),
    ],
)
def test_rates_that_do_not_fit(rates, message):
    with pytest.raises(UsageError, match=message):
        operations(built("sparch_shd_lif_128"), rates)


def test_taps_inside_the_image():
    """5 x 5 windows, same size: 5 r - 6 taps along one axis of r."""
    layers = built("neurobench_dvs_gesture_snn").of(Kind.CONVOLUTION)
    expected = [2 * 16 * 154**2, 16 * 32 * 74**2, 32 * 64 * 34**2]
    assert [in_bounds_macs(layer) for layer in layers] == expected
    plain = built("snntorch_mnist_conv").layer("0")
    assert in_bounds_macs(plain) == plain.macs


@pytest.mark.parametrize("name", ["neurobench_dvs_gesture_snn", "neurobench_gsc_snn"])
def test_published_dense_counts(name):
    model = built(name)
    counted = sum(in_bounds_macs(layer) * model.applications(layer) for layer in model.layers)
    assert counted == entries()[name]["published"]["dense"]
