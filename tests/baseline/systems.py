"""Devices, fabrics and small networks with round numbers."""

from chipletsim.models.builder import Builder
from chipletsim.spec.device import DeviceSpec
from chipletsim.spec.fabric import FabricSpec

# Inside 1 Gbit/s, 1 us and 10 pJ/bit; between nodes 0.1 Gbit/s, 5 us and 100 pJ/bit.
INSIDE = FabricSpec(name="inside", bandwidth="1 Gb/s", latency="1 us", energy_per_bit="10 pJ/bit")
BETWEEN = FabricSpec(
    name="between", bandwidth="0.1 Gb/s", latency="5 us", energy_per_bit="100 pJ/bit"
)


def device(**changes) -> DeviceSpec:
    """1 TFLOP/s, 1 Tbit/s, 1 us a launch, 2 pJ/FLOP, 3 pJ/bit, 10 W idle, 16 bit."""
    fields = {
        "name": "toy", "peak": "1 TFLOP/s", "dtype": "fp16", "memory_bandwidth": "1 Tb/s",
        "kernel_overhead": "1 us", "energy_per_flop": "2 pJ/FLOP",
        "memory_energy_per_bit": "3 pJ/bit", "idle_power": "10 W", "link_bandwidth": "1 Gb/s",
        "link_energy_per_bit": "10 pJ/bit", "link_latency": "1 us", **changes,
    }  # fmt: skip
    return DeviceSpec.model_validate(fields)


def perceptron(*sizes: int, name: str = "perceptron"):
    """Linear layers without biases, each a block of its own, the input with the first."""
    builder = Builder(name, "test")
    builder.block = "l1"
    x = builder.input((sizes[0],))
    for number, size in enumerate(sizes[1:], 1):
        builder.block = f"l{number}"
        x = builder.linear(f"l{number}", x, size, bias=False)
    return builder.model()
