"""Dense networks on systems: counts, times and energies by hand, limits, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systems import BETWEEN, INSIDE, device, perceptron
from test_roofline import chain

import chipletsim as cs
from chipletsim.baseline.dense_system import dense_system, load_fabric
from chipletsim.baseline.network_graph import network_graph
from chipletsim.baseline.roofline import baseline, load_device
from chipletsim.baseline.stages import even_cuts
from chipletsim.errors import ConfigError, InfeasibleError, UsageError
from chipletsim.models import build_model
from chipletsim.models.collectives import bubble_share, tensor_parallel
from chipletsim.models.recurrent import RecurrentSize, recurrent_network
from chipletsim.network.connections import Dense, Pool2d
from chipletsim.network.model import Network, Population, Projection

NODE = {"inside": INSIDE, "between": BETWEEN, "devices_per_node": 4}


def parts(run):
    return {part.name: part for part in run.parts}


def test_two_layers_by_hand():
    # 10 -> 6 -> 4, batch 3, 16 bit. Layer 1: 60 weights, 30 in, 18 out; 360 FLOP.
    # Layer 2: 24 weights, 18 in, 12 out; 144 FLOP. 108 and 54 values, 2,592 bit.
    run = dense_system(perceptron(10, 6, 4), device(), batch=3)
    assert [layer.flops for layer in run.layers] == [360, 144]
    assert [layer.memory_bits for layer in run.layers] == [108 * 16, 54 * 16]
    assert (run.flops, run.memory_bits) == (504, 2592)
    # 1 bit takes 1 ps, and so does 1 FLOP: both layers are bound by memory.
    assert run.latency_s == pytest.approx(2592e-12 + 2e-6, rel=1e-12, abs=0)
    assert parts(run)["memory"].time_s == pytest.approx(2592e-12, rel=1e-12, abs=0)
    assert parts(run)["launch"].time_s == pytest.approx(2e-6, rel=1e-12, abs=0)
    dynamic_j = 504 * 2e-12 + 2592 * 3e-12
    assert run.energy_j == pytest.approx(dynamic_j + 10 * run.latency_s, rel=1e-12, abs=0)
    assert run.energy_per_unit_j == pytest.approx(run.energy_j / 3, rel=1e-12, abs=0)
    # 84 weights, and twice the 18 outputs of the larger layer.
    assert run.kept_bits_per_device == (84 + 2 * 18) * 16


def test_two_layers_over_two_devices_by_hand():
    # l1 by columns: each rank 30 weights, 30 in, 9 out; l2 by rows: 12 weights, 9 in, 12 out.
    run = dense_system(perceptron(10, 6, 4), device(), batch=3, tensor=2, **NODE)
    assert [layer.flops for layer in run.layers] == [180, 72]
    assert [layer.memory_bits for layer in run.layers] == [69 * 16, 33 * 16]
    assert (run.flops, run.memory_bits) == (504, 2 * 102 * 16)
    # A sum of 12 values, 24 byte: 2 ring steps of 96 bit, by both ranks.
    assert run.fabrics[0].bits == 2 * 2 * 96
    assert run.fabrics[1].bits == 0
    assert parts(run)["communication"].time_s == pytest.approx(2 * (1e-6 + 96e-9), rel=1e-12, abs=0)
    assert parts(run)["launch"].time_s == pytest.approx(3e-6, rel=1e-12, abs=0)
    assert parts(run)["communication"].dynamic_j == pytest.approx(384 * 10e-12, rel=1e-12, abs=0)
    assert parts(run)["compute"].idle_j + parts(run)["memory"].idle_j == pytest.approx(
        2 * 10 * parts(run)["memory"].time_s, rel=1e-12
    )


def test_a_training_step_by_hand():
    # Backward is twice forward. 84 parameters: Adam moves 24 + 2 + 2 byte for each.
    run = dense_system(perceptron(10, 6, 4), device(), batch=3, training=True)
    assert run.flops == 3 * 504
    assert run.memory_bits == 3 * 2592 + 84 * 28 * 8
    assert parts(run)["launch"].time_s == pytest.approx(7e-6, rel=1e-12, abs=0)
    assert run.unit == "training step"
    assert run.energy_per_unit_j == run.energy_j
    # Weight, gradient, and 12 byte of state; outputs of 18 and 12 values are kept.
    assert run.kept_bits_per_device == 84 * 16 * 8 + 30 * 16


@pytest.mark.parametrize(("micro_batches", "kept"), [(1, 1), (2, 2), (4, 2)])
def test_the_first_stage_keeps_outputs_of_as_many_micro_batches_as_stages(micro_batches, kept):
    # l1: 60 parameters, 6 outputs of one sample a micro-batch; l2 has 24 and 4.
    run = dense_system(
        perceptron(10, 6, 4), device(), pipeline=2, batch=micro_batches,
        micro_batches=micro_batches, training=True,
    )  # fmt: skip
    assert run.kept_bits_per_device == 60 * 16 * 8 + kept * 6 * 16


def test_replicas_sum_the_gradients_of_all_parameters():
    run = dense_system(perceptron(10, 6, 4), device(), batch=4, data=4, training=True, **NODE)
    # 84 x 2 byte over 4 ranks: 6 steps of 42 byte.
    assert run.fabrics[0].bits == 4 * 6 * 42 * 8
    assert parts(run)["communication"].time_s == pytest.approx(
        6 * (1e-6 + 336e-9), rel=1e-12, abs=0
    )
    one = dense_system(perceptron(10, 6, 4), device(), batch=1, training=True)
    assert run.flops == 4 * one.flops
    assert run.memory_bits == 4 * one.memory_bits


def test_replicas_on_two_nodes_pay_for_both_fabrics():
    run = dense_system(
        perceptron(10, 6, 4), device(), batch=4, data=4, training=True,
        inside=INSIDE, between=BETWEEN, devices_per_node=2,
    )  # fmt: skip
    # Of the four hops of the ring two are between nodes.
    assert [each.bits for each in run.fabrics] == [2 * 6 * 336, 2 * 6 * 336]
    assert run.dearest is run.fabrics[1]
    assert parts(run)["communication"].dynamic_j == pytest.approx(4032 * 110e-12, rel=1e-12, abs=0)
    assert parts(run)["communication"].time_s == pytest.approx(
        6 * (5e-6 + 3.36e-6), rel=1e-12, abs=0
    )


@pytest.mark.parametrize("micro_batches", [1, 2, 8])
@pytest.mark.parametrize("stages", [1, 2, 4])
def test_even_stages_idle_as_the_bubble_says(stages, micro_batches):
    # Four layers alike; nothing is launched, and fabrics take no time.
    free = device(kernel_overhead="0 s", link_bandwidth="1000 Tb/s", link_latency="0 s")
    model, batch = perceptron(64, 64, 64, 64, 64), 8
    options = {"batch": batch, "micro_batches": micro_batches}
    run = dense_system(model, free, pipeline=stages, **options)
    ideal_s = dense_system(model, free, **options).latency_s / stages
    bubble = float(bubble_share(stages, micro_batches))
    assert run.latency_s == pytest.approx(ideal_s * (1 + bubble), rel=1e-3, abs=0)


def test_a_pipeline_sends_what_crosses_its_cut():
    run = dense_system(perceptron(8, 50, 3), device(), pipeline=2, batch=4, **NODE)
    assert [stage.blocks for stage in run.stages] == [("l1",), ("l2",)]
    assert run.fabrics[0].bits == 50 * 4 * 16
    trained = dense_system(
        perceptron(8, 50, 3), device(), pipeline=2, batch=4, training=True, **NODE
    )
    assert trained.fabrics[0].bits == 2 * 50 * 4 * 16


def test_tensor_ranks_send_their_share_and_gather_the_rest():
    # l2 is split by rows and its 20 outputs are whole: 2 x 20 byte are sent, and gathered by
    # both ranks, 20 byte each; the sum of l2 moves twice 40 byte.
    run = dense_system(perceptron(8, 16, 20, 40), device(), pipeline=2, tensor=2, **NODE)
    assert run.stages[0].blocks == ("l1", "l2")
    assert run.fabrics[0].bits == (40 + 40 + 2 * 40) * 8


@settings(derandomize=True, deadline=None, max_examples=80)
@given(times=st.lists(st.integers(0, 50), min_size=1, max_size=9), parts_=st.integers(1, 6))
def test_cuts_are_the_evenest(times, parts_):
    if parts_ > len(times):
        return
    found = even_cuts(times, parts_)
    assert [first for first, _ in found] == [0, *(end for _, end in found)][:-1]
    assert found[-1][1] == len(times)
    assert all(first < end for first, end in found)
    best = min(
        max(sum(times[a:b]) for a, b in itertools.pairwise((0, *inner, len(times))))
        for inner in itertools.combinations(range(1, len(times)), parts_ - 1)
    )
    assert max(sum(times[first:end]) for first, end in found) == best


# --- the roofline's limits ------------------------------------------------------------------


def test_a_huge_batch_is_bound_by_the_peak():
    # 4,000 FLOP and 40 values for a sample of a 40 x 50 layer, whose weights are read once.
    wide = device(memory_bandwidth="100 Tb/s", kernel_overhead="0 s")
    run = dense_system(perceptron(40, 50), wide, batch=10**6)
    assert run.latency_s == pytest.approx(4000 * 10**6 / 1e12, rel=1e-12, abs=0)
    assert (run.bound, run.share_of_peak) == ("compute", pytest.approx(1, rel=1e-12, abs=0))
    shared = dense_system(perceptron(40, 50), wide, batch=10**6, kernel_efficiency=0.8)
    assert shared.latency_s == pytest.approx(run.latency_s / 0.8, rel=1e-12, abs=0)


def test_decoding_with_a_large_model_reads_weights_and_cache():
    """A token of Llama 3 70B at context 4096 on 8 H100, every value of a rank counted."""
    d, f, vocab, layers, context = 8192, 28672, 128256, 80, 4096
    run = dense_system(
        build_model("llama3_70b", tokens=1, context=context), "h100", devices=8,
        kernel_efficiency=1, memory_efficiency=1,
    )  # fmt: skip
    weights = layers * (2 * d * d + 2 * d * 1024 + 3 * d * f) // 8 + vocab * d // 8
    cache = layers * 2 * context * 128  # one of 8 heads of keys and of values
    column = 4 * d + d // 8 + 128 * 2 + 2 * (f // 8) + d  # q k v gate up, and the head's input
    block = (d + d // 8) + 2 * (d + 128) + 2 * (d // 8) + (d // 8 + d) + 2 * (d + f // 8)
    block += f // 8 + d
    assert column < block  # a rank reads whole inputs, and writes its part
    values = weights + cache + layers * block + (d + vocab // 8) + 2 * d
    assert parts(run)["memory"].time_s == pytest.approx(values * 2 / 3350e9, rel=1e-9, abs=0)
    assert weights + cache > 0.999 * values
    # Two sums in each block and that of the embedding; 14 steps of an eighth of 16 KiB.
    step_s = 0.47e-6 + d * 2 / 8 / 450e9
    assert parts(run)["communication"].time_s == pytest.approx(161 * 14 * step_s, rel=1e-9, abs=0)
    # q k v values o gate up down in each block, embedding and head, and the 161 sums.
    assert parts(run)["launch"].time_s == pytest.approx(
        (80 * 8 + 2 + 161) * 2.1e-6, rel=1e-9, abs=0
    )
    assert run.unit == "token"
    assert run.bound == "memory"


def test_more_ranks_than_heads_of_keys_read_them_more_than_once():
    # 8 heads of keys and of values, 128 features, over 8 and over 32 ranks, 32 layers.
    moved = {}
    for context in (1000, 3000):
        for ranks in (8, 32):
            model = build_model("llama3_8b", tokens=1, context=context)
            moved[context, ranks] = dense_system(model, "h100", tensor=ranks).memory_bits
    token_bits = 2 * 32 * 128 * 16
    assert moved[3000, 8] - moved[1000, 8] == 2000 * 8 * token_bits
    assert moved[3000, 32] - moved[1000, 32] == 2000 * 32 * token_bits


def test_sums_of_llama_are_those_of_megatron():
    model = build_model("llama3_8b", tokens=64)
    block = tensor_parallel(8, 64, 4096)
    run = dense_system(model, "h100", tensor=8)
    bits = 8 * 8 * (32 * block.forward_bytes + block.sum.bytes_sent)
    assert run.fabrics[0].bits == bits
    trained = dense_system(model, "h100", tensor=8, training=True)
    back = 8 * 8 * (32 * block.backward_bytes + block.sum.bytes_sent)
    assert trained.fabrics[0].bits == bits + back


def test_training_reaches_a_share_of_the_peak_like_published_ones():
    """Megatron-LM reached 0.44 to 0.52 of an A100's peak: a band, as ours overlaps nothing."""
    model = build_model("llama2_70b", tokens=4096)
    run = dense_system(
        model, "a100", tensor=8, pipeline=8, data=2, batch=64, micro_batches=32, training=True
    )
    assert 0.35 < run.share_of_peak < 0.7
    assert run.flops == 3 * 2 * model.macs * 64
    # Gradients cross nodes, and so do stages.
    assert run.dearest.fabric == "infiniband_hdr"


# --- what holds for every network -------------------------------------------------------------

NAMES = ["resnet18", "efficientnet_b0", "gpt2_small", "vit_s16", "rwkv4_169m", "spikformer_8_384"]
NAMES += ["sparch_shd_rlif_128", "plif_cifar10net", "sew_resnet18"]
MODELS = {name: build_model(name) for name in NAMES}


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    name=st.sampled_from(NAMES), tensor=st.integers(1, 8), pipeline=st.integers(1, 4),
    data=st.integers(1, 3), micro_batches=st.integers(1, 3), training=st.booleans(),
    algorithm=st.sampled_from(["ring", "tree"]),
)  # fmt: skip
def test_parts_sum_and_work_is_that_of_one_device(
    name, tensor, pipeline, data, micro_batches, training, algorithm
):
    model, batch = MODELS[name], data * micro_batches
    run = dense_system(
        model, device(), tensor=tensor, pipeline=pipeline, data=data, batch=batch,
        micro_batches=micro_batches, training=training, all_reduce=algorithm, **NODE,
    )  # fmt: skip
    assert run.flops == (3 if training else 1) * 2 * model.macs * batch
    alone = dense_system(model, device(), batch=batch, micro_batches=batch, training=training)
    assert run.memory_bits >= 0.999 * alone.memory_bits / micro_batches / data
    fabrics_j = run.fabrics[0].bits * 10e-12 + run.fabrics[1].bits * 100e-12
    idle_j = 10 * run.placement.devices * run.latency_s
    dynamic_j = run.flops * 2e-12 + run.memory_bits * 3e-12 + fabrics_j
    assert run.energy_j == pytest.approx(dynamic_j + idle_j, rel=1e-9, abs=0)
    assert run.energy_j == pytest.approx(sum(part.energy_j for part in run.parts), rel=1e-12, abs=0)
    assert sum(part.time_s for part in run.parts) == run.latency_s
    if run.placement.devices == 1:
        assert [each.bits for each in run.fabrics] == [0, 0]


def test_recurrent_layers_are_launched_in_each_step():
    model = recurrent_network(
        RecurrentSize(
            (5,), recurrent=True, inputs=3, outputs=2, time_steps=7, trained_neurons=False
        )
    )
    launches = {layer.name: layer.launches for layer in dense_system(model, device()).layers}
    assert sorted(launches.values()) == [1, 1, 7]
    matrix = next(layer for layer in model.layers if layer.delayed and layer.macs)
    assert launches[matrix.name] == 7


def test_recurrent_ranks_gather_in_each_step():
    # The 5 hidden neurons in each of 7 steps: 10 byte, of which a rank sends half in one step.
    # The 2 outputs, summed once for all steps: 28 byte, two steps of half of them.
    size = RecurrentSize((5,), True, inputs=3, outputs=2, time_steps=7, trained_neurons=False)
    run = dense_system(recurrent_network(size), device(), tensor=2, **NODE)
    expected_s = 7 * (1e-6 + 40e-9) + 2 * (1e-6 + 112e-9)
    assert parts(run)["communication"].time_s == pytest.approx(expected_s, rel=1e-12, abs=0)
    assert run.fabrics[0].bits == 2 * (7 * 40 + 2 * 112)
    assert parts(run)["launch"].time_s == pytest.approx(
        (1 + 7 + 1 + 7 + 1) * 1e-6, rel=1e-12, abs=0
    )


@pytest.mark.parametrize("recurrent", [None, "p1"])
def test_a_network_costs_what_the_roofline_says(recurrent):
    net = chain(30, 20, 10, recurrent=recurrent)
    run = dense_system(net, device(), steps=5, batch=2)
    other = baseline(net, device(), steps=5, batch=2).folded
    assert run.latency_s == pytest.approx(other.latency_s, rel=1e-12, abs=0)
    assert run.energy_per_unit_j == pytest.approx(other.energy_per_inference_j, rel=1e-12, abs=0)
    assert run.flops == 2 * other.flops_per_inference


def test_pooling_of_a_network_is_no_kernel():
    pool = Pool2d((2, 2), (2, 2))
    sizes = (Population("a", (2, 4, 4), "input"), Population("b", (5,), "if"))
    behind = Projection("p", "a", "b", Dense(np.zeros((5, 8), np.float32)), pool)
    graph = network_graph(Network("pooled", sizes, (behind,), 1e-3), 3)
    assert [layer.kind.value for layer in graph.layers] == ["input", "pool", "linear", "neuron"]
    assert (graph.macs, graph.time_steps) == (3 * 40, 3)


# --- number types, presets and refusals ---------------------------------------------------------


def test_narrower_types_halve_bits_and_double_the_peak():
    model = build_model("resnet50")
    half, quarter = (dense_system(model, "h100", dtype=name) for name in ("fp16", "fp8"))
    assert quarter.memory_bits == half.memory_bits / 2
    assert half.device.peak_flop_per_s / quarter.device.peak_flop_per_s == 989.4 / 1978.9
    four = dense_system(model, "b200", dtype="fp4")
    assert four.memory_bits == half.memory_bits / 4


def test_a_model_that_does_not_fit_is_refused_with_its_numbers():
    model = build_model("llama3_70b", tokens=1, context=1024)
    with pytest.raises(InfeasibleError) as caught:
        dense_system(model, "h100")
    (shortfall,) = caught.value.shortfalls
    weights_gb = 2 * model.parameters / 1e9
    assert weights_gb < shortfall.demand < weights_gb * 1.01
    assert shortfall.bound == 80
    assert "at least 2 devices" in shortfall.remedy
    assert dense_system(model, "h100", devices=2).kept_bits_per_device < 80 * 8e9
    assert dense_system(model, "h100", dtype="fp8").kept_bits_per_device < 80 * 8e9
    with pytest.raises(InfeasibleError):
        dense_system(model, "h100", devices=8, training=True)


def test_a_context_takes_its_cache():
    # 2 x 32 layers x 8 heads x 128 features x 2 byte for each token.
    short, long = (
        dense_system(build_model("llama3_8b", tokens=1, context=n), "h100").kept_bits_per_device
        for n in (1000, 5000)
    )
    assert long - short == 4000 * 2 * 32 * 8 * 128 * 16


@pytest.mark.parametrize("name", ["a100", "h100", "b200", "orin", "epyc9654"])
def test_device_presets_are_plausible(name):
    run = dense_system(build_model("resnet18"), name)
    own = run.device
    assert own.name == name
    assert own.memory_bits is not None
    # At its peak a device takes no more than a kilowatt, and memory alone less than that.
    for each in [own, *(own.in_type(other) for other in own.other_dtypes)]:
        assert each.peak_flop_per_s * each.energy_j_per_flop + own.idle_power_w < 1050
    memory_w = own.memory_bandwidth_bit_per_s * own.memory_energy_j_per_bit
    assert memory_w < 1300
    assert own.node is not None


# Of data sheets: dense peaks in T op/s, GB/s of memory, GB; sheets also print sparse doubles.
SHEETS = {
    "a100": ({"fp16": 312, "tf32": 156, "fp32": 19.5, "int8": 624}, 2039, 80),
    "h100": ({"bf16": 989.4, "fp8": 1978.9, "fp32": 66.9, "int8": 1978.9}, 3350, 80),
    "b200": ({"fp16": 2250, "fp8": 4500, "fp4": 9000}, 8000, 180),
    "orin": ({"int8": 138, "fp32": 5.3}, 204.8, 64),
    "epyc9654": ({"fp32": 96 * 32 * 2.4e9 / 1e12}, 12 * 38.4, 768),
}


@pytest.mark.parametrize(("name", "sheet"), SHEETS.items(), ids=SHEETS)
def test_devices_are_those_of_their_sheets(name, sheet):
    peaks, bandwidth_gb_per_s, memory_gb = sheet
    own = load_device(name)
    found = {dtype: own.in_type(dtype).peak_flop_per_s / 1e12 for dtype in peaks}
    assert found == pytest.approx(peaks, rel=1e-3, abs=0)
    assert own.memory_bandwidth_bit_per_s == pytest.approx(bandwidth_gb_per_s * 8e9)
    assert own.memory_bits == memory_gb * 8e9


def test_fabrics_are_per_direction_and_get_dearer_with_distance():
    gb_per_s = {
        "nvlink3": 300, "nvlink4": 450, "nvlink5": 900, "pcie4_x16": 31.5, "pcie5_x16": 63,
        "infiniband_hdr": 25, "infiniband_ndr": 50, "ethernet_800g": 100,
    }  # fmt: skip
    fabrics = {name: load_fabric(name) for name in gb_per_s}
    for name, fabric in fabrics.items():
        assert fabric.name == name
        assert fabric.bandwidth_bit_per_s == gb_per_s[name] * 8e9
    row = [fabrics[name] for name in ("nvlink4", "pcie5_x16", "infiniband_ndr")]
    assert sorted(row, key=lambda fabric: fabric.energy_j_per_bit) == row
    assert sorted(row, key=lambda fabric: fabric.latency_s) == row
    for generation in (3, 4, 5):
        direct, switched = (load_fabric(f"nvlink{generation}{end}") for end in ("", "_switch"))
        assert switched.energy_j_per_bit == pytest.approx(
            2 * direct.energy_j_per_bit, rel=1e-9, abs=0
        )
        assert switched.bandwidth_bit_per_s == direct.bandwidth_bit_per_s


@pytest.mark.parametrize("name", ["a100", "h100", "b200"])
def test_links_of_devices_are_their_nvlink(name):
    own = dense_system(build_model("resnet18"), name).device
    assert own.node.inside.bandwidth_bit_per_s == own.link_bandwidth_bit_per_s


WRONG = {
    "product": ({"devices": 8, "tensor": 3}, UsageError, "tensor 3 x pipeline 1 x data 1 are 3"),
    "batch": ({"batch": 3, "data": 2}, UsageError, "take a multiple of 2"),
    "zero": ({"pipeline": 0}, UsageError, "pipeline is 0"),
    "blocks": ({"pipeline": 50}, UsageError, "2 blocks and cannot be cut into 50 stages"),
    "type": ({"dtype": "fp7"}, UsageError, "h100 has no peak in 'fp7'; it has: fp16"),
    "sums": ({"all_reduce": "star"}, UsageError, "'ring' or 'tree', not 'star'"),
    "share": ({"kernel_efficiency": 1.5}, UsageError, "at most 1, got 1.5"),
    "training": ({"dtype": "int8", "training": True}, UsageError, "floating-point"),
    "steps": ({"steps": 3}, UsageError, "time steps of its own"),
    "fabric": ({"inside": "nvlink9"}, ConfigError, "did you mean `fabrics/nvlink"),
    "device": ({"device": "h10"}, ConfigError, "devices/h100"),
    "many": ({"devices": 10**6}, UsageError, "at most 65,536"),
}


@pytest.mark.parametrize(("options", "error", "says"), WRONG.values(), ids=WRONG)
def test_wrong_calls_are_refused(options, error, says):
    with pytest.raises(error, match=says):
        dense_system(perceptron(4, 4, 4), **options)


def test_printing_says_modelled_with_its_assumptions():
    run = cs.dense_system(cs.build_model("resnet18"), devices=2, batch=2)
    text = str(run)
    assert "batch 2, modelled" in text
    assert "80% of the fp16 peak" in text
    assert "inside a node (dearest)" in text
    assert run.to_dict()["how"] == "modelled"
