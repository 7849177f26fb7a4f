"""Edges and hyper-edges of SANA-FE's network file as lists of synapses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.exchange.sanafe.snn import Group, Synapses, first_neurons
from chipletsim.exchange.sanafe.source import Entry, Faults, Notes, near

ATTRIBUTES = {"weight": "weight", "w": "weight", "delay": "delay"}
"""Attribute of an edge to what it is here."""
_OF_CONVOLUTIONS = {
    "input_height": None, "input_width": None, "input_channels": 1, "kernel_height": None,
    "kernel_width": None, "kernel_count": 1, "stride_height": 1, "stride_width": 1,
}  # fmt: skip
"""Key of a convolution to its default; None where it must be given."""
_OLDER_NAMES = {
    "filters": "kernel_count", "filter_height": "kernel_height", "filter_width": "kernel_width",
}  # fmt: skip
KINDS = ("dense", "conv2d", "sparse")
MAX_SYNAPSES = 1 << 31


@dataclass(frozen=True)
class Pattern:
    """Pairs of neurons of two groups, and which entry of a list of weights each pair takes."""

    source: np.ndarray
    target: np.ndarray
    entry: np.ndarray


def dense(sources: int, targets: int) -> Pattern:
    """Return every pair, source by source."""
    numbers = np.arange(sources * targets, dtype=np.int64)
    return Pattern(numbers // targets, numbers % targets, numbers)


@dataclass(frozen=True)
class Convolution:
    """Shape of a convolution without padding; neurons are counted channels first.

    Weights are listed ``[kernel y, kernel x, input channel, output channel]``.
    """

    height: int
    width: int
    channels: int
    kernel_height: int
    kernel_width: int
    kernels: int
    stride_height: int
    stride_width: int

    @property
    def output(self) -> tuple[int, int]:
        """Rows and columns of the output; 0 where the kernel does not fit."""
        rows = (self.height - self.kernel_height) // self.stride_height + 1
        columns = (self.width - self.kernel_width) // self.stride_width + 1
        return max(rows, 0), max(columns, 0)

    def pattern(self) -> Pattern:
        """Return its pairs, sorted by source."""
        rows, columns = self.output
        y, x, ky, kx, c, k = np.meshgrid(
            np.arange(rows), np.arange(columns), np.arange(self.kernel_height),
            np.arange(self.kernel_width), np.arange(self.channels), np.arange(self.kernels),
            indexing="ij", sparse=True,
        )  # fmt: skip
        row, column = y * self.stride_height + ky, x * self.stride_width + kx
        shape = (rows, columns, self.kernel_height, self.kernel_width, self.channels, self.kernels)
        source = (c * self.height + row) * self.width + column
        target = (k * rows + y) * columns + x
        entry = ((ky * self.kernel_width + kx) * self.channels + c) * self.kernels + k
        flat = [
            np.broadcast_to(each, shape).reshape(-1).astype(np.int64)
            for each in (source, target, entry)
        ]
        order = np.argsort(flat[0], kind="stable")
        return Pattern(*(each[order] for each in flat))


class EdgeReader:
    """Reads the edges of a network.

    Args:
        groups: Groups of the network.
        notes: Takes what is left out.
    """

    def __init__(self, groups: tuple[Group, ...], notes: Notes) -> None:
        self._groups = groups
        self._names = {group.name: number for number, group in enumerate(groups)}
        self._first = first_neurons([group.size for group in groups])
        self._notes = notes
        self._single: list[tuple[int, int, float, int]] = []
        self._parts: list[Synapses] = []

    def read(self, entry: Entry) -> Synapses:
        """Return all synapses, in the order of the file.

        Raises:
            ConfigError: Every fault found.
        """
        faults = Faults()
        for each in entry.listed():
            with faults.gathered():
                self._edge(each)
        faults.raise_any()
        self._flush()
        return Synapses.joined(self._parts)

    def _edge(self, entry: Entry) -> None:
        pairs = [] if isinstance(entry.node.value, str) else list(entry.items())
        if len(pairs) != 1:
            raise entry.fault("expected one edge with its attributes, such as `a.0 -> b.1: {...}`")
        key, value = pairs[0]
        ends = [end.strip() for end in key.split("->")]
        if len(ends) != 2:
            raise value.fault(f"expected an edge such as `a.0 -> b.1`, got {key!r}")
        if all(end in self._names or "." not in end for end in ends):
            self._hyper_edge(value, *(self._group(end, value) for end in ends))
        else:
            source, target = (self._neuron(end, value) for end in ends)
            given = self._attributes(value, {})
            weight, delay = given.get("weight"), given.get("delay")
            if weight is None:
                raise value.fault("there is no `weight`")
            steps = delay.whole() if delay else 0
            self._single.append((source, target, weight.number(), steps))

    def _group(self, name: str, entry: Entry) -> int:
        if name not in self._names:
            raise entry.fault(f"there is no group {name!r}{near(name, list(self._names))}")
        return self._names[name]

    def _neuron(self, text: str, entry: Entry) -> int:
        """Return the number of a neuron ``group.index``."""
        name, dot, index = text.rpartition(".")
        group = self._group(name if dot else text, entry)
        if not (dot and index.isascii() and index.isdecimal() and len(index) < 10):
            message = (
                f"expected a neuron such as `{name or text}.0`, got {text!r}; an edge joins two "
                "neurons, or two groups as a hyper-edge"
            )
            raise entry.fault(message)
        if int(index) >= self._groups[group].size:
            size = self._groups[group].size
            raise entry.fault(f"{name!r} has {size:,} neurons, there is no {text!r}")
        return int(self._first[group]) + int(index)

    def _attributes(self, entry: Entry, more: dict[str, str]) -> dict[str, Entry]:
        """Return what an edge says, by its name here; those for one unit count before others."""
        found: dict[str, Entry] = {}
        sections = []
        for key, value in entry.items():
            if key in ("synapse", "dendrite"):
                sections.append((key, value))
            elif key in more or key in ATTRIBUTES:
                self._put(found, more.get(key) or ATTRIBUTES[key], value)
            else:
                self._leave(key, value)
        for section, inner in sections:
            for key, value in inner.items():
                reads = {"synapse": "weight", "dendrite": "delay"}[section]
                if ATTRIBUTES.get(key) == reads:
                    found[reads] = value
                else:
                    self._leave(f"{section}: {key}", value)
        return found

    def _put(self, found: dict[str, Entry], name: str, value: Entry) -> None:
        if name in found:
            raise value.fault(f"`{name}` is given twice")
        found[name] = value

    def _leave(self, key: str, value: Entry) -> None:
        why = "no model of a synapse or dendrite reads it"
        if key.endswith("_hw_name"):
            why = "a synapse uses the unit that its target neuron names; edges choose none"
        self._notes.leave(f"`{key}` of edges", why, value.place)

    def _hyper_edge(self, entry: Entry, source: int, target: int) -> None:
        keys = entry.keys()
        if "type" not in keys:
            raise entry.fault(f"a hyper-edge needs `type`: {', '.join(KINDS)}")
        kind = keys["type"].text()
        if kind not in KINDS:
            raise keys["type"].fault(f"there is no hyper-edge {kind!r}{near(kind, list(KINDS))}")
        more = {"type": "type"}
        if kind == "conv2d":
            more |= {key: key for key in _OF_CONVOLUTIONS} | _OLDER_NAMES
        if kind == "sparse":
            more["source_target_pairs"] = "source_target_pairs"
        given = self._attributes(entry, more)
        sizes = (self._groups[source].size, self._groups[target].size)
        pattern = self._pattern(kind, given, sizes, entry)
        weight = self._listed("weight", given, pattern, entry)
        delay = self._listed("delay", given, pattern, entry)
        if np.any((delay < 0) | (delay != np.floor(delay))):
            raise given["delay"].fault("expected whole numbers of steps of at least 0")
        self._flush()
        self._parts.append(
            Synapses(
                pattern.source + self._first[source],
                pattern.target + self._first[target],
                weight[pattern.entry],
                delay[pattern.entry].astype(np.int64),
            )
        )

    def _pattern(
        self, kind: str, given: dict[str, Entry], sizes: tuple[int, int], entry: Entry
    ) -> Pattern:
        if kind == "dense":
            if sizes[0] * sizes[1] > MAX_SYNAPSES:
                raise entry.fault(f"{sizes[0] * sizes[1]:,} synapses are too many")
            return dense(*sizes)
        if kind == "conv2d":
            return self._convolution(given, sizes, entry)
        return self._pairs(given, sizes, entry)

    def _convolution(
        self, given: dict[str, Entry], sizes: tuple[int, int], entry: Entry
    ) -> Pattern:
        numbers = []
        for key, default in _OF_CONVOLUTIONS.items():
            if key not in given and default is None:
                raise entry.fault(f"a convolution needs `{key}`")
            number = given[key].whole() if key in given else default
            if not number or number > 1 << 20:
                raise given[key].fault(f"expected a size of at least 1, got {number}")
            numbers.append(number)
        shape = Convolution(
            numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], *numbers[6:]
        )
        rows, columns = shape.output
        needed = (shape.channels * shape.height * shape.width, shape.kernels * rows * columns)
        for end, have, need in zip(("source", "target"), sizes, needed, strict=True):
            if have != need:
                raise entry.fault(f"the {end} has {have:,} neurons, the convolution {need:,}")
        taps = shape.kernel_height * shape.kernel_width * shape.channels
        if needed[1] * taps > MAX_SYNAPSES:
            raise entry.fault(f"{needed[1] * taps:,} synapses are too many")
        return shape.pattern()

    def _pairs(self, given: dict[str, Entry], sizes: tuple[int, int], entry: Entry) -> Pattern:
        if "source_target_pairs" not in given:
            raise entry.fault("a sparse hyper-edge needs `source_target_pairs`")
        listed = given["source_target_pairs"]
        pairs = listed.numbers(pairs=True)
        wrong = (pairs < 0) | (pairs >= sizes) | (pairs != np.floor(pairs))
        if np.any(wrong):
            first = int(np.flatnonzero(wrong.any(axis=1))[0])
            message = f"expected [source, target] below {list(sizes)}, got {pairs[first].tolist()}"
            raise listed.fault(f"pair {first + 1}: {message}")
        ends = pairs.astype(np.int64)
        return Pattern(ends[:, 0], ends[:, 1], np.arange(len(ends)))

    def _listed(
        self, name: str, given: dict[str, Entry], pattern: Pattern, entry: Entry
    ) -> np.ndarray:
        """Return the numbers of a list that has one for each entry of the pattern."""
        needed = int(pattern.entry.max()) + 1 if pattern.entry.size else 0
        if name not in given:
            if name == "delay":
                return np.zeros(needed)
            raise entry.fault(f"there is no `{name}`: a list of {needed:,} numbers")
        listed = given[name].numbers()
        if len(listed) < needed:
            raise given[name].fault(f"lists {len(listed):,} numbers, {needed:,} are needed")
        if len(listed) > needed:
            why = f"{len(listed):,} are listed, {needed:,} are used"
            self._notes.leave(f"the last numbers of `{name}`", why, given[name].place)
        return listed[:needed]

    def _flush(self) -> None:
        """Turn single edges into a list of synapses."""
        if self._single:
            source, target, weight, delay = zip(*self._single, strict=True)
            self._parts.append(
                Synapses(
                    np.array(source, np.int64),
                    np.array(target, np.int64),
                    np.array(weight, np.float64),
                    np.array(delay, np.int64),
                )
            )
            self._single = []
