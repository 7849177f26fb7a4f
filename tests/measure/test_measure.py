"""Timing here, what is refused, and what counts energy."""

import sys
import types
from dataclasses import replace

import pytest

from chipletsim.baseline.dense_system import dense_system
from chipletsim.errors import InfeasibleError, UsageError
from chipletsim.measure import dense
from chipletsim.measure.beside import ModelledAndMeasured
from chipletsim.measure.dense import Measured, measure_dense, needed_bytes
from chipletsim.measure.power import Meter, NvmlMeter, RaplMeter, SampledMeter, find_meter
from chipletsim.measure.products import products
from chipletsim.models import build_model
from chipletsim.models.builder import Builder
from chipletsim.tables import si


def small():
    builder = Builder("small", "test", 2)
    x = builder.linear("a", builder.input((40,)), 30, bias=False)
    builder.linear("b", x, 30, bias=False)
    return builder.model()


def test_a_small_network_is_timed():
    found = measure_dense(small(), batch=3, repeats=5)
    assert len(found.times_s) == 5
    assert min(found.times_s) <= found.latency_s <= max(found.times_s)
    assert sorted(found.times_s)[2] == found.latency_s
    assert (found.kernels, found.batch, found.dtype) == (2, 3, "fp32")
    assert (found.energy_j is None) == found.power.startswith("power not available: ")
    assert found.to_dict()["how"] == "measured"


def test_both_stand_side_by_side_and_apart():
    modelled = dense_system(small(), "h100", dtype="fp32", batch=4)
    measured = Measured("abacus", "fp32", 4, 2, 3e-3, (2e-3, 3e-3, 5e-3), 8.0, "beads")
    text = str(ModelledAndMeasured(modelled, measured))
    row = next(line for line in text.splitlines() if "latency" in line)
    assert si(modelled.latency_s, "s") in row
    assert "3 ms" in row
    assert "2 J" in text  # 8 J for a batch of 4
    assert "energy measured by: beads" in text
    assert "two machines unless" in text
    unknown = replace(measured, energy_j=None, power="power not available: no beads")
    assert "no beads" in str(ModelledAndMeasured(modelled, unknown))


def test_memory_is_counted_by_hand():
    # Folded rows 3 x 2 = 6. Weights 1200 + 900, inputs 6 x 40 and 6 x 30, results 6 x 30;
    # 12 byte for each of 1200 random numbers.
    assert needed_bytes(products(small(), 3), "fp32") == 4 * (2100 + 420 + 2 * 180) + 12 * 1200
    assert needed_bytes(products(small(), 3), "fp16") == 2 * (2100 + 420 + 2 * 180) + 12 * 1200


def test_what_does_not_fit_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(dense, "_arrays", lambda *_: pytest.fail("arrays were made"))
    with pytest.raises(InfeasibleError) as caught:
        measure_dense(build_model("llama3_70b", tokens=1), dtype="bf16", batch=64)
    (shortfall,) = caught.value.shortfalls
    assert shortfall.demand > 140
    assert "smaller model" in shortfall.remedy


@pytest.mark.parametrize(("options", "says"), [({"dtype": "fp4"}, "fp32"), ({"repeats": 0}, "0")])
def test_wrong_calls_are_refused(options, says):
    with pytest.raises(UsageError, match=says):
        measure_dense(small(), **options)


def test_energy_is_counted_over_many_runs(monkeypatch):
    class Fixed(Meter):
        name = "a fixed counter"

        def energy_j(self, work):
            work()
            return 12.0

    monkeypatch.setattr(dense, "find_meter", lambda *_: Fixed())
    monkeypatch.setattr(dense, "WINDOW_S", 0.0)
    found = measure_dense(small(), repeats=1)
    assert (found.energy_j, found.power) == (12.0, "a fixed counter")
    runs = []
    assert dense._energy_j(Fixed(), lambda: runs.append(1), 1e9) == 12.0
    monkeypatch.setattr(dense, "WINDOW_S", 1.0)
    assert dense._energy_j(Fixed(), lambda: runs.append(1), 0.3) == 3.0
    assert len(runs) == 1 + 4


def rapl_folder(path, *counts_uj):
    for number, count in enumerate(counts_uj):
        folder = path / f"intel-rapl:{number}"
        folder.mkdir()
        (folder / "energy_uj").write_text(f"{count}\n")
        (folder / "max_energy_range_uj").write_text("1000000\n")
    (path / "intel-rapl:0:0").mkdir()  # a part of package 0, not to be counted twice
    return path


def test_rapl_adds_packages_and_sees_a_counter_wrap(tmp_path):
    meter = find_meter("cpu", rapl=rapl_folder(tmp_path, 100, 999_000))
    assert isinstance(meter, RaplMeter)

    def work():
        (tmp_path / "intel-rapl:0/energy_uj").write_text("2100")
        (tmp_path / "intel-rapl:1/energy_uj").write_text("500")

    # 2,000 uJ, and 1,000 up to the end of the range and 500 from its start.
    assert meter.energy_j(work) == pytest.approx(3.5e-3, rel=1e-9, abs=0)


def test_counters_that_cannot_be_read_are_said(tmp_path):
    assert "has no RAPL counters" in find_meter("cpu", rapl=tmp_path)
    folder = rapl_folder(tmp_path, 100)
    (folder / "intel-rapl:0/energy_uj").unlink()
    assert "FileNotFoundError at the RAPL counters" in find_meter("cpu", rapl=folder)
    assert "no counter of energy is known for tpu" in find_meter("tpu")


def test_a_gpu_without_its_tools_has_no_meter(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_meter("gpu") == "neither pynvml nor nvidia-smi answers here"


def test_nvml_counts_millijoules(monkeypatch):
    counts = iter([7, 1000, 4500])
    fake = types.ModuleType("pynvml")
    fake.NVMLError = RuntimeError
    fake.nvmlInit = lambda: None
    fake.nvmlDeviceGetHandleByIndex = lambda index: index
    fake.nvmlDeviceGetTotalEnergyConsumption = lambda handle: next(counts)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    meter = find_meter("gpu", 3)
    assert isinstance(meter, NvmlMeter)
    assert meter.energy_j(lambda: None) == pytest.approx(3.5, rel=1e-9, abs=0)


def test_nvidia_smi_is_sampled(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = "--id=2" ] && echo 250.0\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    meter = find_meter("gpu", 2)
    assert isinstance(meter, SampledMeter)
    program.write_text("#!/bin/sh\nexit 1\n")
    assert isinstance(find_meter("gpu", 2), str)


def test_samples_are_averaged_over_the_time(monkeypatch):
    clock = iter([10.0, 14.0])
    monkeypatch.setattr("chipletsim.measure.power.time.perf_counter", lambda: next(clock))
    assert SampledMeter(lambda: 50.0).energy_j(lambda: None) == pytest.approx(
        200.0, rel=1e-9, abs=0
    )
