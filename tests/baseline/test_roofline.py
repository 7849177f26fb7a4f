"""The roofline, its three ways to run, and the cuts, against arithmetic by hand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chipletsim.baseline.cuts import cuts, pipeline_stages
from chipletsim.baseline.roofline import baseline
from chipletsim.errors import ConfigError, UsageError
from chipletsim.network.connections import Dense, Pool2d
from chipletsim.network.model import Network, Population, Projection
from chipletsim.spec.device import DeviceSpec

# 1 TFLOP/s, 1 Tbit/s, 1 us a launch, 2 pJ/FLOP, 3 pJ/bit, 10 W idle, links 1 Gbit/s.
DEVICE = DeviceSpec(
    name="toy", peak="1 TFLOP/s", dtype="fp16", memory_bandwidth="1 Tb/s",
    kernel_overhead="1 us", energy_per_flop="2 pJ/FLOP", memory_energy_per_bit="3 pJ/bit",
    idle_power="10 W", link_bandwidth="1 Gb/s", link_energy_per_bit="5 pJ/bit",
    link_latency="7 us",
)  # fmt: skip


def dense(name: str, source: Population, target: Population) -> Projection:
    weight = np.broadcast_to(np.float32(0), (target.size, source.size))
    return Projection(name, source.name, target.name, Dense(weight))


def chain(*sizes: int, recurrent: str | None = None) -> Network:
    """Populations p0 (input), p1, ... joined in a row by dense layers."""
    populations = [
        Population(f"p{i}", (size,), "input" if i == 0 else "if") for i, size in enumerate(sizes)
    ]
    projections = [dense(f"{a.name}-{b.name}", a, b) for a, b in pairwise(populations)]
    for population in populations:
        if population.name == recurrent:
            loop = dense("loop", population, population)
            projections.append(
                Projection("loop", loop.source, loop.target, loop.connection, None, 1)
            )
    return Network("chain", tuple(populations), tuple(projections), 1e-3)


def test_one_layer_by_hand():
    # 1000 -> 100, batch 1, T = 1: 1e5 MAC = 2e5 FLOP = 0.2 us at the peak;
    # (1e5 weights + 1000 in + 100 out) x 16 bit = 1.6176e6 bit = 1.6176 us: memory-bound.
    base = baseline(chain(1000, 100), DEVICE)
    run = base.ann
    assert run.flops_per_inference == 200_000
    assert run.memory_bits_per_inference == 1_617_600
    assert run.latency_s == pytest.approx(1.6176e-6 + 1e-6, rel=1e-12, abs=0)
    assert run.dynamic_energy_per_inference_j == pytest.approx(
        200_000 * 2e-12 + 1_617_600 * 3e-12, rel=1e-12
    )
    assert run.energy_per_inference_j == pytest.approx(5.2528e-6 + 10 * 2.6176e-6, rel=1e-12, abs=0)
    assert run.bound == "memory"


def test_batch_reads_weights_once():
    # Batch 1000 of the same: 2e8 FLOP = 200 us; (1e5 + 1100 x 1000) x 16 bit = 19.2 us.
    run = baseline(chain(1000, 100), DEVICE, batch=1000).ann
    assert run.latency_s == pytest.approx(200e-6 + 1e-6, rel=1e-12, abs=0)
    assert run.flops_per_inference == 200_000
    assert run.memory_bits_per_inference == pytest.approx(19_200_000 / 1000)
    assert run.bound == "compute"


def test_steps_repeat_launches_and_weights():
    # Ten steps one by one cost ten times the ANN; folded they are a batch of ten.
    base = baseline(chain(1000, 100), DEVICE, steps=10)
    one, ten = base.ann, base.step_by_step
    assert ten.latency_s == pytest.approx(10 * one.latency_s, rel=1e-12, abs=0)
    assert ten.energy_per_inference_j == pytest.approx(
        10 * one.energy_per_inference_j, rel=1e-12, abs=0
    )
    batch = baseline(chain(1000, 100), DEVICE, batch=10).ann
    assert base.folded.latency_s == pytest.approx(batch.latency_s, rel=1e-12, abs=0)
    assert base.folded.dynamic_energy_per_inference_j == pytest.approx(
        10 * batch.dynamic_energy_per_inference_j, rel=1e-12
    )


def test_cycles_cannot_be_folded():
    # p0-p1 and p1-p2 are launched once, the loop on p1 in each of 5 steps.
    folded = baseline(chain(8, 4, 2, recurrent="p1"), DEVICE, steps=5).folded
    assert [cost.launches for cost in folded.layers] == [1, 1, 5]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 300), min_size=2, max_size=5),
    steps=st.integers(1, 30),
    batch=st.integers(1, 64),
)
def test_folding_is_never_dearer(sizes, steps, batch):
    base = baseline(chain(*sizes), DEVICE, steps=steps, batch=batch)
    assert base.ann.latency_s <= base.folded.latency_s * (1 + 1e-12)
    assert base.folded.latency_s <= base.step_by_step.latency_s * (1 + 1e-12)
    assert base.folded.flops_per_inference == base.step_by_step.flops_per_inference
    assert base.folded.energy_per_inference_j <= base.step_by_step.energy_per_inference_j * (
        1 + 1e-12
    )


def test_tensor_cut_gathers_every_hidden_activation():
    # All-gather of n bits on P devices: (P - 1) n in all, (P - 1) / P n per device.
    # p1 (600) and p2 (300) are gathered in 8 bits; p0 is input, p3 feeds nothing.
    net = chain(50, 600, 300, 10)
    cut = next(c for c in baseline(net, DEVICE, devices=(4,)).cuts if c.kind == "tensor")
    assert cut.bits == 3 * 900 * 8
    assert cut.transfers == 2 * 3
    assert cut.time_s == pytest.approx(3 / 4 * 900 * 8 / 1e9 + 6 * 7e-6, rel=1e-12, abs=0)
    assert cut.energy_j == pytest.approx(21_600 * 5e-12, rel=1e-12, abs=0)


def test_pipeline_cut_sends_what_crosses_the_boundary():
    # Work 100x100, 100x100, 100x100, 100x100: two stages of two layers, p2 is sent.
    net = chain(100, 100, 100, 100, 100)
    layers = baseline(net, DEVICE).layers
    stages = pipeline_stages(net, layers, 2)
    assert stages == {"p0": 0, "p1": 0, "p2": 0, "p3": 1, "p4": 1}
    cut = next(c for c in cuts(net, layers, DEVICE, (2,), 8) if c.kind == "pipeline")
    assert (cut.bits, cut.transfers) == (100 * 8, 1)
    assert cut.time_s == pytest.approx(800 / 1e9 + 7e-6, rel=1e-12, abs=0)


def test_cuts_send_pooled_values_where_every_consumer_pools():
    # p1 of 2 x 4 x 4 neurons is read through 2 x 2 windows: 8 values of its 32.
    pool, shape = Pool2d((2, 2), (2, 2)), (2, 4, 4)
    p0, p1, p2 = (
        Population("p0", (32,), "input"),
        Population("p1", shape, "if"),
        Population("p2", (32,), "if"),
    )
    behind = Projection("b", "p1", "p2", Dense(np.zeros((32, 8), np.float32)), pool)
    net = Network("pooled", (p0, p1, p2), (dense("a", p0, p1), behind), 1e-3)
    assert {c.kind: c.bits for c in baseline(net, DEVICE, devices=(2,)).cuts} == {
        "tensor": 8 * 8,
        "pipeline": 8 * 8,
    }
    both = Network("both", net.populations, (*net.projections, dense("c", p1, p2)), 1e-3)
    assert {c.bits for c in baseline(both, DEVICE, devices=(2,)).cuts} == {32 * 8}


def test_pipeline_keeps_a_cycle_in_one_stage():
    net = chain(10, 10, 10, 10)
    forward = dense("back", net.population("p3"), net.population("p1"))
    back = Projection("back", "p3", "p1", forward.connection, None, 1)
    looped = Network("looped", net.populations, (*net.projections, back), 1e-3)
    stages = pipeline_stages(looped, baseline(looped, DEVICE).layers, 3)
    assert stages["p1"] == stages["p2"] == stages["p3"]


def test_one_device_sends_nothing():
    assert all(
        c.bits == 0 and c.time_s == 0 for c in baseline(chain(5, 5), DEVICE, devices=(1,)).cuts
    )


@pytest.mark.parametrize("kwargs", [{"batch": 0}, {"steps": 0}, {"devices": (0,)}])
def test_numbers_below_one_are_refused(kwargs):
    with pytest.raises(UsageError, match="from 1 on"):
        baseline(chain(2, 2), DEVICE, **kwargs)


def test_unknown_device_is_a_config_error():
    with pytest.raises(ConfigError):
        baseline(chain(2, 2), "no_such_device")


@pytest.mark.parametrize("name", ["a100", "h100"])
def test_device_presets_load_and_stay_apart_from_their_traps(name):
    device = baseline(chain(2, 2), name).device
    assert device.name == name
    # Dense peaks, one direction of NVLink, measured energies, an idle floor.
    assert device.peak_flop_per_s == {"a100": 312e12, "h100": 989.4e12}[name]
    assert device.link_bandwidth_bit_per_s == {"a100": 2.4e12, "h100": 3.6e12}[name]
    assert device.memory_energy_j_per_bit == pytest.approx(
        (13.11 + 4.71 + 1.59) * 1e-12, rel=1e-9, abs=0
    )
    assert 40 < device.idle_power_w < 100
    assert 1e-6 < device.kernel_overhead_s < 3e-6


def unsourced(section, path=""):
    """Yield the paths of constants in a file that say not where they are from."""
    for key, entry in section.items():
        if not isinstance(entry, dict):
            if key not in {"name", "dtype", "dtype_bits", "use"}:
                yield f"{path}{key}"
        elif "value" not in entry:
            yield from unsourced(entry, f"{path}{key}.")
        elif set(entry) != {"value", "source", "year", "provenance"}:
            yield f"{path}{key}"


@pytest.mark.parametrize("folder", ["devices", "fabrics"])
def test_every_constant_of_a_device_or_fabric_names_its_source(folder):
    import yaml

    assert list(unsourced({"a": {"value": 1, "source": "x"}, "b": {"c": 3}})) == ["a", "b.c"]
    files = list((Path(__file__).parents[2] / "configs" / folder).glob("*.yaml"))
    assert len(files) >= 5
    for file in files:
        assert list(unsourced(yaml.safe_load(file.read_text()))) == [], file.name


def test_printing_shows_units_and_assumptions():
    text = str(baseline(chain(1000, 100), DEVICE, steps=4))
    assert "step by step" in text
    assert "T=1 ANN" in text
    assert "200 kFLOP" in text
    assert "modelled by a roofline, not measured" in text
