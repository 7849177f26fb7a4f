"""Simulating and pricing in one go: a raster where it fits, else windows of steps."""

from __future__ import annotations

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from chipletsim.errors import UsageError
from chipletsim.inputs.make import Inputs
from chipletsim.stages import Progress

if TYPE_CHECKING:
    import numpy as np

    from chipletsim.cost.price import Result
    from chipletsim.mapping.model import Mapping
    from chipletsim.network.model import Network
    from chipletsim.package.model import Package
    from chipletsim.report.summary import Accuracy


DRAWN = (
    "nothing was simulated: events are drawn from firing rates, each neuron for itself; means are"
    " those of the rates, but the busiest steps of real activity are busier"
)


@dataclass(frozen=True, eq=False)
class Priced:
    """A simulated and priced run.

    Attributes:
        result: What it costs.
        accuracy: Answers against labels, where there are labels and one output.
        activity_fingerprint: Fingerprint of the activity, None where it was streamed.
        notes: What the user should know.
    """

    result: Result
    accuracy: Accuracy | None
    activity_fingerprint: str | None
    notes: list[str]


class Watcher(Protocol):
    """Something that is shown all activity of a run, as it is simulated."""

    def add(self, window: Any, /) -> None:
        """Take the next steps of the present samples; of a single one, unless they come whole."""
        ...

    def next_samples(self) -> None:
        """Begin with further samples."""
        ...


def simulate_and_price(
    network: Network,
    inputs: Inputs,
    mapping: Mapping,
    timing: str,
    say: Progress,
    *,
    watchers: Sequence[Watcher] = (),
    interconnect: bool = False,
) -> Priced:
    """Simulate and price, batch by batch of samples where inputs or raster would not fit.

    Rasters of up to ``chipletsim.engine.memory.MAX_RASTER_BYTES`` (4 GiB) are kept. The
    figures are the same either way.

    Args:
        network: The network.
        inputs: Its inputs.
        mapping: Where it lives.
        timing: Name of the timing model.
        say: Called with a line of text whenever a stage begins.
        watchers: Shown all activity.
        interconnect: Whether the result tells of packets and links, where the timing model
            follows them.
    """
    from chipletsim.cost.price import CostStream, price
    from chipletsim.engine.memory import keeps_raster
    from chipletsim.engine.simulate import simulate

    if inputs.drawn is not None:
        for each in watchers:
            each.add(inputs.drawn)
        result = price(inputs.drawn, mapping, timing=timing, say=say, interconnect=interconnect)
        return Priced(result, None, None, [DRAWN])
    if inputs.stream is not None or not keeps_raster(network, inputs.samples, inputs.steps):
        return _streamed(
            network, inputs, mapping, timing, say, watchers=watchers, interconnect=interconnect
        )
    # What cannot be priced is refused before it is simulated, which may take hours.
    stream = CostStream(mapping, timing=timing, say=say, interconnect=interconnect)
    scorer = Scorer(network, inputs.labels)
    activity = simulate(network, inputs.events, mapping=mapping, steps=inputs.free_steps)
    scorer.add(activity)
    for each in watchers:
        each.add(activity)
    say(f"pricing {activity.total_events:,} events")
    stream.add(activity)
    notes = [*scorer.notes, *inputs.notes]
    return Priced(stream.close(), scorer.accuracy(), activity.fingerprint, notes)


def _streamed(
    network: Network,
    inputs: Inputs,
    mapping: Mapping,
    timing: str,
    say: Progress,
    *,
    watchers: Sequence[Watcher],
    interconnect: bool,
) -> Priced:
    """Simulate and price batch by batch of samples; of steps, where not even a sample fits."""
    from chipletsim.cost.price import CostStream
    from chipletsim.engine.memory import raster_bytes, streaming_batch
    from chipletsim.engine.simulate import Simulator
    from chipletsim.inputs.stream import MAX_BATCH_BYTES

    samples, steps = inputs.samples, inputs.steps
    sample_bytes = inputs.stream.sample_bytes if inputs.stream else 0
    count, window = streaming_batch(network, samples, steps, MAX_BATCH_BYTES, sample_bytes)
    simulator = Simulator(network, mapping=mapping)
    stream = CostStream(
        mapping, timing=timing, sample_steps=samples * steps, interconnect=interconnect
    )
    scorer = Scorer(network, inputs.labels)
    everyone: list[Watcher] = [stream, scorer, *watchers]
    for number, batch in enumerate(inputs.batches(count)):
        done = min((number + 1) * count, samples)
        whole = window == steps
        free = inputs.free_steps
        windows = (
            [simulator.run(batch, steps=free)]
            if whole
            else simulator.windows(batch, window, steps=free)
        )
        for part in windows:
            for each in everyone:
                each.add(part)
        for each in everyone:
            each.next_samples()
        say(f"simulated and priced {done:,} of {samples:,} samples")
    size = raster_bytes(network, samples, steps) / 2**30
    parts = f"batches of {count:,} samples" if window == steps else f"windows of {window:,} steps"
    note = f"no raster kept: it would take {size:.1f} GiB, so {parts} were priced"
    notes = [*scorer.notes, *inputs.notes, note]
    return Priced(stream.close(), scorer.accuracy(), None, notes)


class Scorer:
    """Adds up the answers of the output population, window by window of a batch of samples."""

    def __init__(self, network: Network, labels: np.ndarray | None) -> None:
        outputs = [population.name for population in network.populations if population.output]
        self._labels = labels
        self._population = outputs[0] if len(outputs) == 1 and labels is not None else None
        self._scores: np.ndarray | None = None
        self._samples = self._correct = self._ties = 0
        self.notes: list[str] = []
        if labels is not None and self._population is None:
            self.notes.append(f"no accuracy: {len(outputs)} populations are marked as output")

    def add(self, window: Any) -> None:
        """Add the answers of an activity, or of a window of one."""
        from chipletsim.engine.decode import predict

        if self._population is not None:
            scores = predict(window, self._population).scores
            self._scores = scores if self._scores is None else self._scores + scores

    def next_samples(self) -> None:
        """Judge the samples added so far; what is added from now on is of further ones."""
        if self._scores is None or self._labels is None:
            return
        scores, self._scores = self._scores, None
        labels = self._labels[self._samples : self._samples + len(scores)]
        best = scores.max(axis=1, keepdims=True)
        self._correct += int((scores.argmax(axis=1) == labels).sum())
        self._ties += int(((scores == best).sum(axis=1) > 1).sum())
        self._samples += len(scores)

    def accuracy(self) -> Accuracy | None:
        """Return how many samples are answered right; among equal scores the first counts."""
        from chipletsim.report.summary import Accuracy

        self.next_samples()
        if self._population is None or not self._samples:
            return None
        return Accuracy(self._correct, self._samples, self._ties, self._population)


def evaluate(
    network: Network,
    package: Package | str | Path,
    inputs: Any,
    *,
    time_axis: int = 1,
    strategy: str = "traffic",
    seed: int = 0,
    timing: str = "bound",
) -> Result:
    """Return what a network costs on a package: map, simulate and price in one go.

    Args:
        network: The network.
        package: The package, its file, or the name of a shipped one, ``packages/four_dies``.
        inputs: As for ``simulate``; tensors of PyTorch, too.
        time_axis: 1 for inputs [samples, steps, ...], 0 for snnTorch's [steps, samples, ...].
        strategy: How layers are placed, as for ``map_network``.
        seed: Seed of the placement.
        timing: Name of the timing model.

    Raises:
        ConfigError: The package, the network or the inputs have a fault.
        InfeasibleError: The network does not fit.
        UsageError: Inputs have no such axis.
    """
    from chipletsim.cost.price import price
    from chipletsim.engine.simulate import simulate
    from chipletsim.mapping.map import map_network
    from chipletsim.package.load import load_package

    made = load_package(package) if isinstance(package, str | Path) else package
    mapping = map_network(network, made, strategy=strategy, seed=seed)
    ordered: Any = (
        {name: _samples_first(each, time_axis) for name, each in inputs.items()}
        if isinstance(inputs, Table)
        else _samples_first(inputs, time_axis)
    )
    return price(simulate(network, ordered, mapping=mapping), mapping, timing=timing)


def _samples_first(values: Any, time_axis: int) -> np.ndarray:
    """Return inputs as an array [samples, steps, ...]."""
    import numpy as np

    if hasattr(values, "detach"):  # a tensor of PyTorch, maybe on a device or with gradients
        values = values.detach().cpu()
    array = np.asarray(values)
    if time_axis not in (0, 1) or array.ndim < 2:
        raise UsageError(
            f"expected inputs [samples, steps, ...], or [steps, samples, ...] with time_axis=0; got"
            f" shape {list(array.shape)} and time_axis={time_axis!r}"
        )
    return array if time_axis == 1 else array.swapaxes(0, 1)
