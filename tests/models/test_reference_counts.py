"""Every count equals that of the reference implementation, to the last digit."""

import pytest
from reference_counts import (
    LEFT_OUT,
    PRODUCTS,
    built,
    decoded_cases,
    entries,
    integer_cases,
    known_models,
    measured,
)

from chipletsim.models import Kind
from chipletsim.models.efficientnet import EFFICIENTNET_SIZES, stages_of

CASES = [case for case in integer_cases() if case[:2] not in LEFT_OUT]
WITH_LAYERS = [name for name, row in entries().items() if "layers" in row or "layer_shapes" in row]
WITH_BLOCKS = [name for name, row in entries().items() if "block_layers" in row]
WITH_TOKENIZER = [name for name, row in entries().items() if "tokenizer" in row]


def test_every_entry_has_a_model_and_every_model_an_entry():
    assert known_models() == sorted(entries())


@pytest.mark.parametrize(("name", "key", "value"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_integers_are_exact(name, key, value):
    found = measured(name, key)
    assert isinstance(found, int)
    assert found == value


@pytest.mark.parametrize(("name", "key"), list(LEFT_OUT))
def test_reference_integers_left_out_contradict_their_own_entry(name, key):
    section, key = key.split(".")
    macs = entries()[name][section]
    assert macs[key] == 64 * built(name).layer("stem").macs > macs["dense_one_step"]


@pytest.mark.parametrize(("name", "context", "macs"), list(decoded_cases()))
def test_attention_of_one_decoded_token(name, context, macs):
    assert built(name, tokens=1, context=context).macs_of(*PRODUCTS) == macs


def rows_of(name):
    row = entries()[name]
    if "layers" in row:
        return row["layers"]
    return entries()[row["layer_shapes"].removeprefix("same list as ")]["layers"]


def as_row(layer):
    """Return a layer in the fields of the reference."""
    shape = (*layer.outputs, 1, 1)[:3]
    kind = "fc" if layer.kind is Kind.LINEAR else "conv" if layer.groups == 1 else "dwconv"
    inputs = layer.inputs[0]
    window = [layer.kernel, layer.stride, layer.groups]
    sizes = [inputs, shape[0], *window, *shape[1:]]
    return [layer.name, kind, *sizes, layer.parameters, layer.macs]


@pytest.mark.parametrize("name", WITH_LAYERS)
def test_layers(name):
    model = built(name)
    found = {layer.name: as_row(layer) for layer in model.of(Kind.CONVOLUTION, Kind.LINEAR)}
    assert found == {row[0]: row for row in rows_of(name)}


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_layers_of_blocks(name):
    model = built(name)
    for block in list(model.blocks)[1:-1]:
        weighted = model_layers(model, block)
        for row in entries()[name]["block_layers"]:
            layer = weighted.pop(f"{block}.{row[0]}")
            if layer.kind is Kind.LINEAR_ATTENTION:
                assert [layer.heads, layer.macs] == row[3:]
                continue
            tokens, features = layer.inputs
            sizes = [n for n in row if isinstance(n, int)]
            assert sizes == [features, layer.outputs[1], tokens][: len(sizes)]
            assert layer.weights == features * layer.outputs[1]
            assert layer.macs == tokens * layer.weights
        assert {layer.kind for layer in weighted.values()} <= set(PRODUCTS)


def model_layers(model, block):
    return {layer.name: layer for layer in model.blocks[block] if layer.macs}


@pytest.mark.parametrize("name", WITH_TOKENIZER)
def test_tokenizers(name):
    found = [
        [n.name, n.inputs[0], n.outputs[0], n.kernel, n.outputs[1], n.macs]
        for n in built(name).of(Kind.CONVOLUTION)
    ]
    assert found == entries()[name]["tokenizer"]


@pytest.mark.parametrize("name", EFFICIENTNET_SIZES)
def test_stages(name):
    model, rows = built(name), entries()[name]["stages"]
    stem, *stages, last, fc = rows
    assert model.layer("features.0.0").outputs == (stem["cout"], stem["out"], stem["out"])
    assert model.layer("features.8.0").outputs == (last["cout"], last["out"], last["out"])
    assert model.layer("classifier.1").inputs == (fc["cin"],)
    pairs = zip(stages_of(EFFICIENTNET_SIZES[name]), stages, strict=True)
    for number, (stage, row) in enumerate(pairs, 1):
        op = f"MBConv{stage.expansion} k{stage.kernel} s{stage.stride}"
        assert (op, stage.repeats) == (row["op"], row["repeats"])
        blocks = [block for block in model.blocks if block.startswith(f"features.{number}.")]
        assert len(blocks) == row["repeats"]
        last_of_stage = model.blocks[blocks[-1]][-1]
        assert last_of_stage.outputs == (row["cout"], row["out"], row["out"])


@pytest.mark.parametrize(
    "name", [name for name, row in entries().items() if "heads" in row["hyper"]]
)
def test_heads(name):
    """Heads change what a partitioner may cut, and hardly a count."""
    model, hyper = built(name), entries()[name]["hyper"]
    found = {(layer.heads, layer.kv_heads) for layer in model.of(*PRODUCTS)}
    if name.startswith("spike_driven"):
        unused = model.of(Kind.UNUSED)
        assert {layer.parameters for layer in unused} == {hyper["heads"] ** 2}
        assert found == set()
    else:
        assert found == {(hyper["heads"], hyper.get("kv_heads", hyper["heads"]))}


@pytest.mark.parametrize("name", [name for name, row in entries().items() if "input" in row])
def test_inputs(name):
    assert list(built(name).layers[0].outputs) == entries()[name]["input"]


@pytest.mark.parametrize(
    "name",
    [n for n, row in entries().items() if isinstance(row["hyper"].get("time_steps"), int)],
)
def test_time_steps(name):
    assert built(name).time_steps == entries()[name]["hyper"]["time_steps"]
