"""Arrays of a network file: numbers, NumPy files, random draws."""

from __future__ import annotations

import lzma
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from chipletsim.network.connections import Shape, Sparse
from chipletsim.network.numbers import PLAIN, Float, Numbers, plain_number
from chipletsim.spec.network import Array, ArrayFileSpec, Number, RandomArraySpec

MOST_NUMBERS = 2**31 - 1

BROKEN_ARCHIVE = (
    OSError,
    EOFError,
    KeyError,
    RuntimeError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""Beside ValueError, what zip, its decompressors and NumPy's header parser raise on damage."""


def make_array(
    spec: Array, shape: Shape, folder: Path, name: str, of: Numbers = PLAIN
) -> np.ndarray:
    """Return the array that a network file asks for.

    Args:
        spec: A number, a file, or a distribution with a seed.
        shape: Shape to fill; a file must hold exactly this shape.
        folder: Folder that file paths are relative to.
        name: What the array is for; draws depend on it and on the seed alone, and have the
            precision of float32.
        of: Type and unit of its numbers.

    Raises:
        ValueError: A file is missing, broken, or holds another shape; or the array would
            hold more than 2^31 - 1 numbers; or a unit is wrong.
    """
    if prod(shape) > MOST_NUMBERS:
        raise ValueError(f"{name} would hold {prod(shape):,} numbers; most are {MOST_NUMBERS:,}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and refused as such
        if isinstance(spec, ArrayFileSpec):
            return read_array(folder / spec.file, spec.array, shape).astype(of.dtype)
        if isinstance(spec, RandomArraySpec):
            return draw_array(spec, shape, name, of.unit).astype(of.dtype, copy=False)
        return np.full(shape, plain_number(spec, of.unit), of.dtype)


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the random numbers of ``seed`` for the array called ``name``."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def draw_array(spec: RandomArraySpec, shape: Shape, name: str, unit: str = "1") -> np.ndarray:
    """Return float32 random numbers.

    Raises:
        ValueError: A unit is wrong, a standard deviation is negative, or bounds are not in order.
    """
    random = generator(spec.seed, name)
    if spec.normal is not None:
        mean, std = (_moment(each, unit) for each in (spec.normal.mean, spec.normal.std))
        if std < 0:
            raise ValueError(f"std must not be below 0, got {spec.normal.std}")
        values = random.standard_normal(shape, np.float32)
        return np.float32(std) * values + np.float32(mean)
    if spec.uniform is None:
        raise ValueError("no distribution given")
    low, high = (_moment(each, unit) for each in (spec.uniform.low, spec.uniform.high))
    if low > high:
        raise ValueError("low must not be above high")
    return np.float32(high - low) * random.random(shape, np.float32) + np.float32(low)


def _moment(value: Number, unit: str) -> float:
    """Return a number of a distribution; plain ones are seconds, or 0, where there is a unit."""
    if not isinstance(value, str) and (unit == "s" or value == 0):
        return value
    return plain_number(value, unit)


def draw_fan_out(n_sources: int, n_targets: int, fan_out: int, seed: int, name: str) -> Sparse:
    """Return ``fan_out`` synapses of weight 0 per source, to targets drawn with repetition.

    Raises:
        ValueError: More than 2^31 - 1 synapses.
    """
    if n_sources * fan_out > MOST_NUMBERS:
        raise ValueError(f"{n_sources * fan_out:,} synapses; most are {MOST_NUMBERS:,}")
    random = generator(seed, name)
    targets = random.integers(0, n_targets, (n_sources, fan_out), np.int32)
    targets.sort(axis=1)
    indptr = np.arange(n_sources + 1, dtype=np.int64) * fan_out
    weight = np.zeros(targets.size, np.float32)
    return Sparse(indptr, targets.ravel(), weight, n_targets)


def draw_fan_in(n_sources: int, n_targets: int, fan_in: int, seed: int, name: str) -> Sparse:
    """Return ``fan_in`` synapses of weight 0 per target, from sources drawn with repetition.

    Raises:
        ValueError: More than 2^31 - 1 synapses.
    """
    if n_targets * fan_in > MOST_NUMBERS:
        raise ValueError(f"{n_targets * fan_in:,} synapses; most are {MOST_NUMBERS:,}")
    from scipy.sparse import csc_array

    sources = generator(seed, name).integers(0, n_sources, n_targets * fan_in, np.int32)
    indptr = np.arange(n_targets + 1, dtype=np.int64) * fan_in
    columns = csc_array((np.zeros(sources.size, np.int8), sources, indptr), (n_sources, n_targets))
    rows = columns.tocsr()  # a counting sort, which keeps synapses of one pair apart
    weight = np.zeros(sources.size, np.float32)
    return Sparse(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), weight, n_targets)


def listed_by_source(
    sources: np.ndarray, targets: np.ndarray, n_sources: int, n_targets: int
) -> tuple[Sparse, np.ndarray]:
    """Return synapses of weight 0 listed by source, and the order in which they now stand.

    Args:
        sources: Source neuron of each synapse.
        targets: Target neuron of each; those of one source keep their order.
        n_sources: Number of source neurons.
        n_targets: Number of target neurons.
    """
    order = np.argsort(sources, kind="stable")
    counts = np.bincount(sources, minlength=n_sources)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    weight = np.zeros(targets.size, np.float32)
    return Sparse(indptr, targets[order].astype(np.int32), weight, n_targets), order


def draw_probability(
    n_sources: int, n_targets: int, probability: float, seed: int, name: str
) -> Sparse:
    """Return synapses of weight 0, each of all pairs with ``probability``, independently.

    The gaps between synapses in the row-by-row list of pairs are geometric, so the time is
    that of the synapses drawn, not of the pairs.

    Raises:
        ValueError: More than 2^31 - 1 synapses are expected.
    """
    pairs = n_sources * n_targets
    if pairs * probability > MOST_NUMBERS:
        raise ValueError(f"about {pairs * probability:,.0f} synapses; most are {MOST_NUMBERS:,}")
    random = generator(seed, name)
    chunk = int(pairs * probability * 1.01) + 100
    drawn, last = [np.zeros(0, np.int64)], -1
    while probability > 0 and last < pairs:
        places = last + np.cumsum(np.minimum(random.geometric(probability, chunk), pairs + 1))
        drawn.append(places)
        last = int(places[-1])
    places = np.concatenate(drawn)
    source, target = np.divmod(places[places < pairs], n_targets)
    indptr = np.searchsorted(source, np.arange(n_sources + 1)).astype(np.int64)
    weight = np.zeros(target.size, np.float32)
    return Sparse(indptr, target.astype(np.int32), weight, n_targets)


def read_sparse(path: Path, n_sources: int, n_targets: int, dtype: Float = np.float32) -> Sparse:
    """Return the synapses in an .npz file with arrays ``indptr``, ``targets``, ``weight``.

    Args:
        path: The file.
        n_sources: Number of source neurons.
        n_targets: Number of target neurons.
        dtype: Type of the weights.

    Raises:
        ValueError: The file is missing, broken, or its arrays have other shapes, or indices
            that are no whole numbers in range.
    """
    indptr = _indices(path, "indptr", n_sources + 1, MOST_NUMBERS)
    synapses = int(indptr[-1])
    targets = _indices(path, "targets", synapses, n_targets - 1)
    weight = read_array(path, "weight", (synapses,))
    with np.errstate(over="ignore"):  # infinite, and refused as such
        weight = weight.astype(dtype)
    return Sparse(indptr.astype(np.int64), targets.astype(np.int32), weight, n_targets)


def _indices(path: Path, name: str, count: int, largest: int) -> np.ndarray:
    """Return whole numbers of 0 to ``largest`` from a file, before they are cut to fewer bits."""
    values = read_array(path, name, (count,))
    if values.dtype.kind not in "iu":
        raise ValueError(f"{path} holds {values.dtype} as {name!r}, expected integers")
    if values.size and not 0 <= values.min() <= values.max() <= largest:
        raise ValueError(f"{path}: {name} must lie in 0..{largest}")
    return values


def read_array(path: Path, name: str | None, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return a numeric array from an .npz or .npy file, its shape checked before it is read.

    Args:
        path: The file.
        name: Array in an .npz file; may be None where it holds a single one.
        shape: Shape it must have; None for any length.

    Raises:
        ValueError: The file is missing or broken, or holds no such array.
    """
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return _read_checked(file, path.stat().st_size, path, shape)
        with zipfile.ZipFile(path) as archive:
            member = _member(archive, path, name)
            with archive.open(member) as file:
                return _read_checked(file, member.file_size, path, shape)
    except BROKEN_ARCHIVE as error:
        raise ValueError(f"cannot read {path}: {error}") from None


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays in an .npz file.

    Raises:
        ValueError: The file is missing or broken.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename.removesuffix(".npy") for info in archive.infolist()]
    except BROKEN_ARCHIVE as error:
        raise ValueError(f"cannot read {path}: {error}") from None


def _member(archive: zipfile.ZipFile, path: Path, name: str | None) -> zipfile.ZipInfo:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if name is None and len(members) == 1:
        return next(iter(members.values()))
    if name is None:
        raise ValueError(f"{path} holds several arrays; name one under `array`: {_list(members)}")
    if name not in members:
        raise ValueError(f"{path} holds no array {name!r}; it holds: {_list(members)}")
    return members[name]


def _list(members: Iterable[str]) -> str:
    return ", ".join(members) or "none"


def _read_checked(
    file: IO[bytes], size: int, path: Path, shape: tuple[int | None, ...]
) -> np.ndarray:
    """Return the array in an open .npy file of ``size`` bytes."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version[0] == 1 else npy.read_array_header_2_0
    stored, fortran_order, dtype = read_header(file)
    if dtype.kind not in "fiub":
        raise ValueError(f"{path} holds {dtype}, expected numbers")
    wanted = zip(stored, shape, strict=False)
    if len(stored) != len(shape) or any(need not in (None, has) for has, need in wanted):
        expected = ", ".join("any" if need is None else str(need) for need in shape)
        raise ValueError(f"{path} holds shape {list(stored)}, expected [{expected}]")
    if prod(stored) * dtype.itemsize > size:
        raise ValueError(f"{path} is shorter than its header says")
    content = file.read(prod(stored) * dtype.itemsize)
    values = np.frombuffer(content, dtype)
    return values.reshape(stored, order="F" if fortran_order else "C")
