"""Simulating and pricing in one go: a raster where it fits, else windows of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chipletsim.stages import Inputs, Progress

if TYPE_CHECKING:
    import numpy as np

    from chipletsim.cost.price import Result
    from chipletsim.mapping.model import Mapping
    from chipletsim.network.model import Network
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


def simulate_and_price(
    network: Network, inputs: Inputs, mapping: Mapping, timing: str, say: Progress
) -> Priced:
    """Simulate and price, streaming windows of steps where the raster would not fit.

    Rasters of up to ``chipletsim.engine.memory.MAX_RASTER_BYTES`` (4 GiB) are kept. The
    figures are the same either way.

    Args:
        network: The network.
        inputs: Its inputs.
        mapping: Where it lives.
        timing: Name of the timing model.
        say: Called with a line of text whenever a stage begins.
    """
    from chipletsim.cost.price import CostStream, price
    from chipletsim.engine.memory import keeps_raster, raster_bytes, streaming_window
    from chipletsim.engine.simulate import simulate, simulate_windows

    if inputs.drawn is not None:
        result = price(inputs.drawn, mapping, timing=timing)
        return Priced(result, None, None, [DRAWN])
    samples, steps = inputs.samples, inputs.steps
    scorer = Scorer(network, inputs.labels)
    if keeps_raster(network, samples, steps):
        activity = simulate(network, inputs.events, mapping=mapping)
        scorer.add(activity)
        say(f"pricing {activity.total_events:,} events")
        result = price(activity, mapping, timing=timing)
        return Priced(result, scorer.accuracy(), activity.fingerprint, scorer.notes)
    window = streaming_window(network, samples, steps)
    stream = CostStream(mapping, timing=timing)
    parts = simulate_windows(network, inputs.events, window, mapping=mapping)
    for number, part in enumerate(parts):
        say(f"simulated and priced {min((number + 1) * window, steps):,} of {steps:,} steps")
        scorer.add(part)
        stream.add(part)
    size = raster_bytes(network, samples, steps) / 2**30
    note = f"no raster kept: it would take {size:.1f} GiB, so windows of {window} steps were priced"
    return Priced(stream.close(), scorer.accuracy(), None, [*scorer.notes, note])


class Scorer:
    """Adds up the answers of the output population, window by window."""

    def __init__(self, network: Network, labels: np.ndarray | None) -> None:
        outputs = [population.name for population in network.populations if population.output]
        self._labels = labels
        self._population = outputs[0] if len(outputs) == 1 and labels is not None else None
        self._scores: np.ndarray | None = None
        self.notes: list[str] = []
        if labels is not None and self._population is None:
            self.notes.append(f"no accuracy: {len(outputs)} populations are marked as output")

    def add(self, window: Any) -> None:
        """Add the answers of an activity, or of a window of one."""
        from chipletsim.engine.decode import predict

        if self._population is not None:
            scores = predict(window, self._population).scores
            self._scores = scores if self._scores is None else self._scores + scores

    def accuracy(self) -> Accuracy | None:
        """Return how many samples are answered right; among equal scores the first counts."""
        from chipletsim.report.summary import Accuracy

        if self._population is None or self._scores is None or self._labels is None:
            return None
        best = self._scores.max(axis=1, keepdims=True)
        correct = int((self._scores.argmax(axis=1) == self._labels).sum())
        ties = int(((self._scores == best).sum(axis=1) > 1).sum())
        return Accuracy(correct, len(self._labels), ties, self._population)
