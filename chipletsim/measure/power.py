"""Energy as the driver of a device counts it: NVML, nvidia-smi, or RAPL of a processor."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

RAPL = Path("/sys/class/powercap")
_SAMPLE_S = 0.05
_QUERY = ("--query-gpu=power.draw", "--format=csv,noheader,nounits")


class Meter(ABC):
    """Counts the energy of a device while something runs.

    Attributes:
        name: What is read, for people.
    """

    name: str

    @abstractmethod
    def energy_j(self, work: Callable[[], None]) -> float:
        """Return the energy of the whole device while ``work`` runs, idle power included."""


class RaplMeter(Meter):
    """Intel RAPL: counters of processor packages under ``/sys/class/powercap``."""

    name = "RAPL, processor packages without memory"

    def __init__(self, domains: list[Path]) -> None:
        self._domains = domains

    def energy_j(self, work: Callable[[], None]) -> float:
        """Return the energy of all packages; a counter that wrapped once is set right."""
        before = [_count(domain) for domain in self._domains]
        work()
        total_uj = 0
        for domain, start in zip(self._domains, before, strict=True):
            spent = _count(domain) - start
            total_uj += spent if spent >= 0 else spent + _count(domain, "max_energy_range_uj")
        return total_uj * 1e-6


class NvmlMeter(Meter):
    """The energy counter of an NVIDIA GPU, in millijoules since its driver was loaded."""

    name = "NVML, the whole board"

    def __init__(self, counter_mj: Callable[[], int]) -> None:
        self._counter_mj = counter_mj

    def energy_j(self, work: Callable[[], None]) -> float:
        """Return the difference of the counter."""
        start = self._counter_mj()
        work()
        return (self._counter_mj() - start) * 1e-3


class SampledMeter(Meter):
    """Power of an NVIDIA GPU as ``nvidia-smi`` gives it, sampled meanwhile."""

    name = "nvidia-smi, power of the whole board, sampled"

    def __init__(self, read_w: Callable[[], float]) -> None:
        self._read_w = read_w

    def energy_j(self, work: Callable[[], None]) -> float:
        """Return the mean of the samples times the time."""
        samples = [self._read_w()]
        done = threading.Event()

        def sample() -> None:
            while not done.wait(_SAMPLE_S):
                samples.append(self._read_w())

        thread = threading.Thread(target=sample, daemon=True)
        start = time.perf_counter()
        thread.start()
        try:
            work()
            elapsed_s = time.perf_counter() - start
        finally:
            done.set()
            thread.join()
        return elapsed_s * sum(samples) / len(samples)


def find_meter(platform: str, index: int = 0, rapl: Path = RAPL) -> Meter | str:
    """Return what counts the energy of a device, or why nothing does.

    Args:
        platform: Of JAX: ``cpu``, ``gpu`` or another.
        index: Number of the device on this machine.
        rapl: Folder of the counters of processors.
    """
    if platform in {"gpu", "cuda"}:
        return _nvml(index) or _nvidia_smi(index) or "neither pynvml nor nvidia-smi answers here"
    if platform == "cpu":
        return _rapl(rapl)
    return f"no counter of energy is known for {platform} devices"


def _rapl(folder: Path) -> Meter | str:
    domains = sorted(folder.glob("intel-rapl:[0-9]*"))
    domains = [domain for domain in domains if domain.name.count(":") == 1]
    if not domains:
        return f"{folder} has no RAPL counters"
    try:
        for domain in domains:
            _count(domain)
    except (OSError, ValueError) as error:
        return f"{error.__class__.__name__} at the RAPL counters of {folder}; root may read them"
    return RaplMeter(domains)


def _count(domain: Path, what: str = "energy_uj") -> int:
    return int((domain / what).read_text())


def _nvml(index: int) -> Meter | None:
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError:
        return None
    return NvmlMeter(lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle))


def _nvidia_smi(index: int) -> Meter | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None

    def read_w() -> float:
        command = [program, f"--id={index}", *_QUERY]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return float(done.stdout.strip())

    try:
        read_w()
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return SampledMeter(read_w)
