"""Small packages and models for the tests of deployments, regular or drawn at random."""

from __future__ import annotations

from math import prod
from typing import Any

from hypothesis import strategies as st

from chipletsim.models import Kind, Model, Signal
from chipletsim.models.builder import Builder
from chipletsim.package.build import build_package
from chipletsim.package.model import Package
from chipletsim.spec.package import PackageSpec

ON_DIE = {
    "bandwidth": "64 Gb/s",
    "latency": "2 ns",
    "flit": "24 bit",
    "energy_per_bit": "0.25 pJ/bit",
    "energy_per_packet": "0.5 pJ/packet",
}
DIE_TO_DIE = {
    "bandwidth": "8 Gb/s",
    "latency": "10 ns",
    "flit": "16 bit",
    "energy_per_bit": "2 pJ/bit",
    "frame": {"payload": "96 bit", "total": "128 bit"},
}
ROUTER = {"latency": "1 ns", "energy_per_packet": "1.5 pJ/packet", "energy_per_bit": "0.125 pJ/bit"}
NPU = {
    "kind": "npu",
    "neurons": 4096,
    "synaptic_memory": "1 MiB",
    "weight_bits": 8,
    "array_rows": 4,
    "array_columns": 3,
    "clock": "0.5 GHz",
    "energy_per_mac": "0.5 pJ/op",
    "sram_energy_per_bit": "0.25 pJ/bit",
    "energy_per_neuron_update": "1 pJ/op",
}
NEUROCORE = {
    "kind": "neurocore",
    "neurons": 4096,
    "synaptic_memory": "1 MiB",
    "weight_bits": 8,
    "energy_per_synaptic_op": "3 pJ/op",
    "energy_per_neuron_update": "5 pJ/op",
    "energy_per_spike": "2 pJ/packet",
    "energy_per_message": "1 pJ/packet",
    "time_per_synaptic_op": "2 ns/op",
    "time_per_neuron_update": "3 ns/op",
}
CROSSBAR = {
    "kind": "crossbar",
    "neurons": 4096,
    "synaptic_memory": "16 MiB",
    "weight_bits": 8,
    "array_rows": 16,
    "array_columns": 16,
    "cell_bits": 4,
    "adcs_per_array": 4,
    "energy_per_row_activation": "1 pJ/op",
    "energy_per_cell": "0.0625 pJ/op",
    "energy_per_conversion": "2 pJ/op",
    "energy_per_neuron_update": "1 pJ/op",
    "time_per_read": "20 ns/op",
    "time_per_conversion": "4 ns/op",
}
IO = {
    "kind": "io",
    "neurons": 100_000,
    "energy_per_input": "4 pJ/packet",
    "energy_per_output": "6 pJ/packet",
    "event_rate": "1 Gpacket/s",
}
MEMORY = {
    "kind": "memory",
    "synaptic_memory": "64 MiB",
    "energy_per_bit": "3.5 pJ/bit",
    "energy_per_request": "8 pJ/packet",
    "bandwidth": "64 Gb/s",
    "access_latency": "50 ns",
}
PACKET = {"header": "8 bit", "address": "20 bit", "max_payload": "100 bit"}


def die_type(*tiles: dict[str, Any], shape: tuple[int, int] = (1, 1)) -> dict[str, Any]:
    """Return a chiplet type with these tiles at each router."""
    network = {"topology": "mesh", "shape": list(shape), "link": ON_DIE, "router": ROUTER}
    return {"network": network, "tiles": [{"at": "all", "tile": tile} for tile in tiles]}


def package_of(
    types: dict[str, Any],
    chiplets: dict[str, Any],
    shape: tuple[int, int],
    link: dict[str, Any] | None = None,
    **more: Any,
) -> Package:
    """Build a mesh of dies."""
    spec = {
        "name": "case",
        "packet": PACKET,
        "chiplet_types": types,
        "chiplets": chiplets,
        "network": {"topology": "mesh", "shape": list(shape), "link": link or DIE_TO_DIE},
        **more,
    }
    return build_package(PackageSpec.model_validate(spec))


def row_of_dies(
    count: int, tile: dict[str, Any] = NPU, link: dict[str, Any] | None = None, **more: Any
) -> Package:
    """Dies of one tile in a row."""
    types = {"die": die_type(tile)}
    chiplets = {"die": {"type": "die", "grid": [count, 1]}}
    return package_of(types, chiplets, (count, 1), link, **more)


def with_memory(tile: dict[str, Any], memory: dict[str, Any] = MEMORY, dies: int = 2) -> Package:
    """Dies with a tile each in a row, and a die of memory at the end."""
    types = {"die": die_type(tile), "memory": die_type(memory)}
    chiplets = {
        "die": {"type": "die", "grid": [dies, 1]},
        "memory": {"type": "memory", "at": [dies, 0]},
    }
    return package_of(types, chiplets, (dies + 1, 1))


def mixed() -> Package:
    """Four dies: four npu tiles, four neurocores, two crossbars, and a memory with a port."""
    types = {
        "npus": die_type(NPU, shape=(2, 2)),
        "cores": die_type(NEUROCORE, shape=(2, 2)),
        "arrays": die_type(CROSSBAR, shape=(2, 1)),
        "memory": die_type(MEMORY, IO),
    }
    chiplets = {
        "a": {"type": "npus", "at": [0, 0]},
        "b": {"type": "cores", "at": [1, 0]},
        "c": {"type": "arrays", "at": [1, 1]},
        "d": {"type": "memory", "at": [0, 1]},
    }
    return package_of(types, chiplets, (2, 2))


def perceptron(*sizes: int, spiking: bool = False, steps: int = 1) -> Model:
    """Linear layers of these sizes without biases, a block each, with neurons if spiking."""
    signal = Signal.SPIKES if spiking else Signal.VALUES
    builder = Builder("perceptron", "test", steps)
    x = builder.input((sizes[0],), signal)
    for number, size in enumerate(sizes[1:]):
        builder.block = f"block{number}"
        x = builder.linear(f"linear{number}", x, size, bias=False)
        if spiking:
            x = builder.neuron(f"neuron{number}", x)
    return builder.model()


@st.composite
def models(draw: st.DrawFn) -> Model:
    """Draw a model: convolutions or a transformer, residual sums, spikes or values."""
    steps = draw(st.sampled_from([1, 1, 3]))
    builder = Builder("drawn", "test", steps)
    if draw(st.booleans()):
        return _images(draw, builder, steps)
    return _sequences(draw, builder)


def _images(draw: st.DrawFn, builder: Builder, steps: int) -> Model:
    x = builder.input((draw(st.integers(1, 3)), 6, 6))
    for number in range(draw(st.integers(1, 4))):
        builder.block = f"block{number}"
        channels = draw(st.integers(1, 9))
        before = x
        x = builder.convolution(f"conv{number}", x, channels, 3, bias=draw(st.booleans()))
        x = builder.norm(f"norm{number}", x)
        if steps > 1:
            x = builder.neuron(f"neuron{number}", x)
        if builder.shape(before) == builder.shape(x) and draw(st.booleans()):
            x = builder.add(f"add{number}", x, before)
        if draw(st.booleans()) and builder.shape(x)[1] >= 4:
            x = builder.pool(f"pool{number}", x, 2)
    builder.block = "head"
    builder.linear("head", x, draw(st.integers(1, 12)))
    return builder.model()


def _sequences(draw: st.DrawFn, builder: Builder) -> Model:
    heads, grouped = draw(st.sampled_from([(1, 1), (2, 1), (3, 3), (4, 2), (6, 3)]))
    head, tokens = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    context = tokens + draw(st.integers(0, 5))
    width = heads * head
    x = builder.input((tokens,), Signal.INDICES)
    x = builder.embedding("embedding", x, 11, width)
    for number in range(draw(st.integers(1, 3))):
        builder.block = name = f"block{number}"
        y = builder.norm(f"{name}.norm", x)
        query = builder.linear(f"{name}.q", y, width)
        key = builder.linear(f"{name}.k", y, grouped * head)
        value = builder.linear(f"{name}.v", y, grouped * head)
        more: dict[str, Any] = {"heads": heads, "kv_heads": grouped}
        more |= {"cache_elements_per_token": grouped * head, "macs": tokens * context * width}
        y = builder.layer(
            f"{name}.scores", Kind.ATTENTION_SCORES, (query, key), (heads, tokens, context),
            inputs=(tokens, width), **more,
        )  # fmt: skip
        y = builder.layer(
            f"{name}.values", Kind.ATTENTION_VALUES, (y, value), (tokens, width), **more
        )
        x = builder.add(f"{name}.add", builder.linear(f"{name}.o", y, width), x)
        y = builder.linear(f"{name}.up", x, draw(st.integers(1, 15)))
        x = builder.add(f"{name}.sum", builder.linear(f"{name}.down", y, width), x)
    builder.block = "head"
    builder.linear("head", x, 11, bias=False)
    return builder.model()


def values(model: Model, name: str) -> int:
    """Return the output values of a layer."""
    return prod(model.layer(name).outputs)
