"""The reference counts, and how each of their keys is read from a model."""

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import yaml

from chipletsim.models import MODELS, Kind, build_model
from chipletsim.models.operations import in_bounds_macs
from chipletsim.models.spikformer import SPIKE_DRIVEN_SIZES, spike_driven_transformer

FILE = Path(__file__).parents[1] / "data" / "models" / "counts.yaml"
PRODUCTS = (Kind.ATTENTION_SCORES, Kind.ATTENTION_VALUES, Kind.LINEAR_ATTENTION)
LANGUAGE = ("gpt2", "llama", "rwkv", "spikegpt")

# The first is 64 times the 118,013,952 MACs of that 7 x 7 convolution and more than the whole
# step of its own entry: an error of the reference.
LEFT_OUT = {
    ("ms_resnet18", "macs.first_conv_per_step"): "64 times the count of the layer",
    ("ms_resnet34", "macs.first_conv_per_step"): "64 times the count of the layer",
}


@lru_cache
def entries():
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {row["name"]: row for row in yaml.load(FILE.read_text(), loader)["models"]}


@lru_cache(maxsize=256)
def built(name, **options):
    if name.startswith(LANGUAGE):
        options.setdefault("tokens", 1)
    return build_model(name, **options)


def total_over_run(model, layers):
    return sum(layer.macs * model.applications(layer) for layer in layers)


def first_convolution(model):
    return model.of(Kind.CONVOLUTION)[0]


def head(model):
    return model.of(Kind.LINEAR)[-1]


def once(model, layer):
    assert model.applications(layer) == 1
    return layer.macs


def every_step(model, layer):
    assert model.applications(layer) == model.time_steps > 1
    return layer.macs * model.time_steps


def repeated_block(model):
    """Parameters of a block, the same for all between the first and the last."""
    (parameters,) = set(list(model.parameters_by_block().values())[1:-1])
    return parameters


def named(model, ending):
    return sum(layer.parameters for layer in model.layers if layer.name.endswith(ending))


PARAMETERS = {
    "total": lambda m: m.parameters,
    "norm_affine": lambda m: m.parameters_of(Kind.NORM),
    "with_batch_norm": lambda m: built(m.name, batch_norm=True).parameters,
    "without_batch_norm": lambda m: built(m.name, batch_norm=False).parameters,
    "per_block": repeated_block,
    "position_embedding": lambda m: m.of(Kind.EMBEDDING)[1].parameters,
    "class_token": lambda m: m.layer("cls_token").parameters,
    "patch_embedding": lambda m: m.layer("patch_embed").parameters,
    "token_embedding": lambda m: m.of(Kind.EMBEDDING)[0].parameters,
    "lm_head": lambda m: head(m).parameters,
    "without_token_embedding": lambda m: m.parameters - m.of(Kind.EMBEDDING)[0].parameters,
    "without_any_embedding": lambda m: (
        m.parameters - m.parameters_of(Kind.EMBEDDING) - head(m).parameters
    ),
    "untied_total": lambda m: built(m.name, tied=False).parameters,
    "reference_code_total": lambda m: built(m.name, unused_norms=True).parameters,
    "unused_layernorm": lambda m: built(m.name, unused_norms=True).parameters_of(Kind.UNUSED),
    "talking_heads_unused": lambda m: m.parameters_of(Kind.UNUSED),
    "feedforward": lambda m: named(m, ".W"),
    "recurrent": lambda m: named(m, ".V"),
    "neuron_vectors": lambda m: m.parameters_of(Kind.NEURON),
    "input": lambda m: m.layer("0.W").parameters,
    "readout": lambda m: m.layer("1.W").parameters,
}

MACS = {
    "total": lambda m: m.macs,
    "linear_and_conv": lambda m: m.macs_of(Kind.CONVOLUTION, Kind.LINEAR),
    "attention_scores": lambda m: m.macs_of(*PRODUCTS),
    "linear_incl_head": lambda m: m.macs_of(Kind.LINEAR),
    "head": lambda m: head(m).macs,
    "per_token": lambda m: m.macs,
    "linear_per_token_no_head": lambda m: m.macs_of(Kind.LINEAR) - head(m).macs,
    "lm_head_per_token": lambda m: head(m).macs,
    "dense_one_step": lambda m: m.macs_one_step,
    "one_step_without_head": lambda m: m.macs_one_step - head(m).macs,
    "first_conv_once": lambda m: once(m, first_convolution(m)),
    "first_conv_one_step": lambda m: first_convolution(m).macs,
    "first_conv_T4": lambda m: every_step(m, first_convolution(m)),
    "fc_once": lambda m: once(m, head(m)),
    "head_once": lambda m: once(m, head(m)),
    "head_T4": lambda m: every_step(m, head(m)),
    "spike_fed_per_step": lambda m: sum(
        layer.macs for layer in m.layers if any(s.sparse for s in m.input_signals(layer))
    ),
    "attention_products_T4": lambda m: total_over_run(m, m.of(*PRODUCTS)),
    "sdsa_additions_T4": lambda m: sum(
        layer.input_values * m.applications(layer) for layer in m.of(Kind.COLUMN_SUM)
    ),
    "dense_T4_at_288": lambda m: (
        spike_driven_transformer(replace(SPIKE_DRIVEN_SIZES[m.name], image=288)).macs
    ),
    "dense_one_step_in_bounds": lambda m: sum(map(in_bounds_macs, m.layers)),
    "dense_150_steps_in_bounds": lambda m: sum(
        in_bounds_macs(layer) * m.applications(layer) for layer in m.layers
    ),
}
# The dense count of a run of all time steps, whatever their number.
MACS |= dict.fromkeys(
    ("dense_T4", "dense_T10", "dense_T16", "dense_T6_fc_once", "dense_all_steps",
     "dense_100_steps", "dense_200_steps"),
    MACS["total"],
)  # fmt: skip


def measured(name, key):
    """Return the value of a dotted key of an entry, as the model has it."""
    section, *rest = key.split(".")
    if section == "parameters":
        return PARAMETERS[rest[0]](built(name))
    if section == "variant_three_fc":
        model = built(name, hidden=(4096, 4096))
        return model.parameters if rest[0] == "parameters" else model.macs_one_step
    if section != "macs":
        return getattr(built(name), section)
    if rest[0].startswith("prefill_S"):
        return MACS[rest[1]](built(name, tokens=int(rest[0].removeprefix("prefill_S"))))
    return MACS[rest[0]](built(name))


def integer_cases():
    """Yield (model, dotted key, integer) for every integer of every entry."""
    sections = ("parameters", "macs", "variant_three_fc")
    single = ("kv_cache_elements_per_token", "recurrent_state_elements")
    for name, row in entries().items():
        for section in sections:
            for key, value in row.get(section, {}).items():
                if isinstance(value, dict):
                    yield from ((name, f"{section}.{key}.{k}", v) for k, v in value.items())
                elif isinstance(value, int):
                    yield name, f"{section}.{key}", value
        yield from ((name, key, row[key]) for key in single if key in row)


def decoded_cases():
    """Yield (model, context, MACs) from the written formula ``2*c*width*layers``."""
    for name, row in entries().items():
        text = row.get("macs", {}).get("attention_per_token_at_context_c")
        if text:
            width, layers = map(int, re.fullmatch(r"2\*c\*(\d+)\*(\d+)", text).groups())
            for context in (1, 77, row["hyper"]["context"]):
                yield name, context, 2 * context * width * layers


def known_models():
    return sorted(MODELS)
