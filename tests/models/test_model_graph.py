"""Graphs are acyclic, whole and quick to build; wrong hyper-parameters are refused."""

from dataclasses import replace
from math import prod

import pytest
from reference_counts import built, known_models

from chipletsim.errors import UsageError
from chipletsim.models import Kind, Layer, Model, Signal, build_model
from chipletsim.models.builder import Builder
from chipletsim.models.efficientnet import EfficientNetSize, efficientnet
from chipletsim.models.gpt2 import Gpt2Size, gpt2
from chipletsim.models.layouts import LayoutSize, sequential
from chipletsim.models.llama import LlamaSize, llama
from chipletsim.models.ms_resnet import ms_resnet
from chipletsim.models.recurrent import RecurrentSize, recurrent_network
from chipletsim.models.resnet import ResNetSize, resnet
from chipletsim.models.rwkv import RwkvSize, rwkv
from chipletsim.models.spikformer import SpikingVitSize, spikformer
from chipletsim.models.vgg import VGG11, spiking_vgg, vgg
from chipletsim.models.vit import VitSize, vit

MODELS = known_models()


@pytest.mark.parametrize("name", MODELS)
def test_edges_name_layers_and_go_forward(name):
    model = built(name)
    place = {layer.name: number for number, layer in enumerate(model.layers)}
    assert len(place) == len(model.layers)
    assert all(place[source] < place[target] for source, target in model.edges)
    assert all({source, target} <= place.keys() for source, target in model.delayed_edges)


@pytest.mark.parametrize("name", MODELS)
def test_nothing_is_left_unread(name):
    """Only the last layer has no reader, and only inputs and unused parameters no source."""
    model = built(name)
    read = {source for source, _ in model.edges + model.delayed_edges}
    unread = [n for n in model.layers if n.name not in read and n.kind is not Kind.UNUSED]
    assert unread == [model.layers[-1]]
    starts = {n.kind for n in model.layers if not n.sources + n.delayed}
    assert starts <= {Kind.INPUT, Kind.UNUSED}


@pytest.mark.parametrize("name", MODELS)
def test_blocks_are_contiguous_and_add_up(name):
    model = built(name)
    assert tuple(n for layers in model.blocks.values() for n in layers) == model.layers
    assert sum(model.parameters_by_block().values()) == model.parameters
    by_block = {block: sum(n.macs for n in layers) for block, layers in model.blocks.items()}
    assert sum(by_block.values()) == model.macs_one_step
    assert sum(model.macs_of(kind) for kind in Kind) == model.macs_one_step
    assert sum(model.parameters_of(kind) for kind in Kind) == model.parameters


@pytest.mark.parametrize("name", MODELS)
def test_counts_of_layers_follow_from_their_shapes(name):
    model = built(name)
    for layer in model.layers:
        assert layer.parameters >= 0
        if layer.kind is Kind.CONVOLUTION:
            channels = layer.inputs[0] // layer.groups
            assert layer.weights == channels * layer.outputs[0] * layer.kernel**2
            assert layer.macs == layer.weights * prod(layer.outputs[1:])
        elif layer.kind is Kind.LINEAR:
            assert layer.weights == layer.inputs[-1] * layer.outputs[-1]
            assert layer.macs == layer.weights * prod(layer.inputs[:-1])
            assert layer.inputs[:-1] == layer.outputs[:-1]
        elif layer.kind not in (
            Kind.ATTENTION_SCORES, Kind.ATTENTION_VALUES, Kind.LINEAR_ATTENTION,
        ):  # fmt: skip
            assert layer.macs == 0


@pytest.mark.parametrize("name", MODELS)
def test_what_a_layer_reads_is_what_its_source_gives(name):
    """In number of values; a fused query, key and value is read in part."""
    model = built(name)
    for layer in model.layers:
        if layer.sources and not layer.sources[0].endswith("qkv"):
            assert layer.input_values == model.layer(layer.sources[0]).activations, layer.name


@pytest.mark.parametrize("name", MODELS)
def test_cuts_between_blocks(name):
    """A cut is crossed by something, and by nothing behind the last block."""
    model = built(name)
    *inner, last = model.blocks
    assert all(model.crossing(block) for block in inner)
    assert model.crossing(last) == ()


def test_cut_of_a_transformer_is_its_residual():
    model = build_model("llama2_70b", tokens=4096)
    (residual,) = model.crossing("layers.39")
    assert residual.outputs == (4096, 8192)


def test_cut_of_resnet18_after_stage_2():
    (values,) = built("resnet18").crossing("layer2.1")
    assert values.outputs == (128, 28, 28)
    assert values.activations == 100_352


def test_what_crosses_cuts_of_spiking_transformers():
    """Membrane shortcuts carry real values, Spikformer's small whole numbers."""
    signals = {
        name: [layer.signal for layer in built(f"{name}_8_512").crossing("block.3")]
        for name in ("spikformer", "spikingformer", "spike_driven_transformer")
    }
    assert signals == {
        "spikformer": [Signal.SPIKE_COUNTS],
        "spikingformer": [Signal.VALUES],
        "spike_driven_transformer": [Signal.VALUES],
    }


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sew_resnet18", {"conv1", "fc"}),
        ("ms_resnet18", {"stem", "fc", "block0.shortcut", "block2.shortcut", "block4.shortcut",
                         "block6.shortcut"}),
        ("spikformer_8_512", {"proj_conv", "head"}),
        ("spikingformer_8_512", {"proj_conv", "head"}),
        ("spike_driven_transformer_8_512", {"proj_conv"}),
        ("snntorch_mnist_fc", {"0"}),
        ("neurobench_gsc_snn", set()),
        ("sparch_shd_rlif_128", set()),
    ],
)  # fmt: skip
def test_which_matrices_read_values(name, values):
    model = built(name)
    reading = {
        layer.name
        for layer in model.layers
        if layer.macs and not any(signal.sparse for signal in model.input_signals(layer))
    }
    assert reading == values


def test_recurrent_matrices_read_the_step_before():
    model = built("sparch_shd_rlif_128")
    assert model.delayed_edges == (("0.neuron", "0.V"), ("1.neuron", "1.V"))
    assert ("0.V", "0.neuron") in model.edges


def grouped(groups):
    builder = Builder("grouped", "test")
    return builder.convolution("c", builder.input((3, 8, 8)), 4, 3, groups=groups)


WRONG = {
    "heads do not divide": lambda: gpt2(Gpt2Size(2, 100, 3, 400)),
    "no layers": lambda: gpt2(Gpt2Size(0, 96, 3, 400)),
    "context beyond positions": lambda: gpt2(Gpt2Size(2, 96, 3, 400), tokens=1, context=1025),
    "context shorter than tokens": lambda: gpt2(Gpt2Size(2, 96, 3, 400), tokens=8, context=7),
    "zero tokens": lambda: rwkv(RwkvSize(2, 96, 384), tokens=0),
    "kv heads": lambda: llama(LlamaSize(2, 96, 6, 4, 200, 99, 64, head_dim=16)),
    "fractional width": lambda: rwkv(RwkvSize(2, 96.5, 384)),
    "boolean width": lambda: rwkv(RwkvSize(2, True, 384)),
    "patches": lambda: vit(VitSize(2, 96, 3, 384, image=225)),
    "small image": lambda: spiking_vgg(VGG11, image=16),
    "no blocks": lambda: resnet(ResNetSize((2, 0, 2, 2))),
    "stages": lambda: resnet(ResNetSize((2, 2, 2))),
    "stages of ms_resnet": lambda: ms_resnet((2, 2, 2)),
    "word of vgg": lambda: vgg((64, "X")),
    "width of vgg": lambda: vgg((64, "M", 0)),
    "attention": lambda: spikformer(SpikingVitSize(2, 64, 4, attention="round")),
    "unknown option": lambda: build_model("vgg11", tokens=4),
    "no hidden layer": lambda: recurrent_network(RecurrentSize((), recurrent=True)),
    "time steps": lambda: spikformer(SpikingVitSize(2, 64, 4, time_steps=0)),
    "width of a tokenizer": lambda: spikformer(SpikingVitSize(2, 60, 4)),
    "pooling behind a fifth": lambda: spikformer(SpikingVitSize(2, 64, 4, pooled=(5,))),
    "scaling": lambda: efficientnet(EfficientNetSize("-1", "1", 224)),
    "scaling text": lambda: efficientnet(EfficientNetSize("wide", "1", 224)),
    "layout word": lambda: sequential(LayoutSize("3D5", (1, 8, 8), 1, ("0",))),
    "too few names": lambda: sequential(LayoutSize("10 S 10", (4,), 1, ("0",))),
    "too many names": lambda: sequential(LayoutSize("10", (4,), 1, ("0", "1"))),
    "votes": lambda: sequential(LayoutSize("10 S V3", (4,), 1, ("0",))),
    "convolution of a vector": lambda: sequential(LayoutSize("4C3", (9,), 1, ("0",))),
    "groups": lambda: grouped(2),
    "unknown model": lambda: build_model("llama9"),
    "unknown layer": lambda: built("vgg11").layer("features.99"),
    "unknown block": lambda: built("vgg11").crossing("nowhere"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_hyper_parameters_are_refused(wrong):
    with pytest.raises(UsageError, match=r"\w{3}"):
        wrong()


def test_messages_name_model_and_number():
    with pytest.raises(UsageError, match=r"gpt2: d model is 100, which is no multiple of 3"):
        gpt2(Gpt2Size(2, 100, 3, 400))
    with pytest.raises(UsageError, match=r"tokens is 0"):
        build_model("rwkv4_169m", tokens=0)


def layer(name, *sources, delayed=()):
    return Layer(name, Kind.ADD, sources, (1,), (1,), "b", delayed=delayed)


def test_a_model_refuses_what_is_no_graph():
    with pytest.raises(UsageError, match="two layers named 'a'"):
        Model("m", "f", (layer("a"), layer("a")))
    with pytest.raises(UsageError, match="'b' reads 'c'"):
        Model("m", "f", (layer("b", "c"), layer("c")))
    with pytest.raises(UsageError, match="step before"):
        Model("m", "f", (layer("a", delayed=("z",)),))
    assert Model("m", "f", (layer("a", delayed=("a",)),)).delayed_edges == (("a", "a"),)


def test_layers_and_models_cannot_be_changed():
    model = built("vgg11")
    with pytest.raises(AttributeError):
        model.layers[0].macs = 1
    with pytest.raises(AttributeError):
        model.name = "other"
    assert replace(model, name="other").layers is model.layers


@pytest.mark.parametrize(
    ("name", "pooled", "tokens"),
    [
        ("spikformer_8_512", Signal.SPIKES, Signal.SPIKE_COUNTS),
        ("spikingformer_8_512", Signal.SPIKES, Signal.VALUES),
        ("spike_driven_transformer_8_512", Signal.VALUES, Signal.VALUES),
    ],
)
def test_where_the_neurons_of_tokenizers_stand(name, pooled, tokens):
    """The Spike-driven Transformer pools potentials last, the others spikes."""
    model = built(name)
    assert model.layer("maxpool2").signal is Signal.SPIKES
    assert model.layer("maxpool3").signal is pooled
    assert model.layer("tokens").signal is tokens
    assert model.input_signals(model.layer("rpe_conv")) == (Signal.SPIKES,)
