"""Activity from firing rates, for networks that are too large to run or not trained yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.engine.raster import pack
from chipletsim.errors import UsageError
from chipletsim.network.model import Network
from chipletsim.network.spans import Span, spans, steps_needed
from chipletsim.spec.fault import nearest_names

MOST_LISTED_BYTES = 1 << 32
"""Of a raster that is drawn from rates."""
_CHUNK = 1 << 22
"""Elements of the temporary arrays in which spikes are drawn."""


@dataclass(frozen=True, eq=False)
class RateActivity:
    """Spikes at random at given rates, counted without being listed unless `listed` is asked for.

    Each neuron of a population spikes with the same probability in each step of each sample in
    which its population sends (every step, but for values that come once, see
    ``chipletsim.network.spans``), independently of all else. So the events of the m neurons of
    a traffic class in a step are Binomial(m, rate), and are drawn as that number: time and memory
    grow with the classes of a mapping, not with neurons. Real spikes are correlated; means are
    the same, but the busiest step of real activity is busier.

    Draws depend on the seed, the sample, the population and its classes. Another mapping has
    other classes, and so other draws of the same rates.

    Attributes:
        network: Fingerprint of the network, as it is simulated on its tiles.
        populations: Population name to shape, in the network's order.
        rates: Population name to events per neuron and step in which it sends, from 0 to 1.
        samples: Number of samples.
        steps: Number of time steps.
        seed: Of the draws.
        first_sample: Number of the first sample in the draws.
        sends: Population name to the steps in which it sends; those that do in every step are
            left out.

    Example:
        activity = RateActivity.of(network, {"in": 0.1, "hidden": 0.02, "out": 0.05}, steps=100)
        result = price(activity, map_network(network, package))
    """

    network: str
    populations: dict[str, tuple[int, ...]]
    rates: dict[str, float]
    samples: int
    steps: int
    seed: int = 0
    first_sample: int = 0
    sends: dict[str, Span] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        network: Network,
        rates: Mapping[str, float],
        *,
        steps: int,
        samples: int = 1,
        seed: int = 0,
    ) -> RateActivity:
        """Return the activity of a network at given rates.

        Rates do not depend on the precision of weights, so it may be priced on any mapping of
        the network.

        Args:
            network: The network.
            rates: Population name to events per neuron and step in which it sends; of all
                populations.
            steps: Number of time steps.
            samples: Number of samples.
            seed: Of the draws.

        Raises:
            UsageError: A rate is missing, has no population or is no number from 0 to 1, or
                there are fewer than 0 samples or steps, or fewer steps than an inference takes.
        """
        populations = {each.name: tuple(each.shape) for each in network.populations}
        _check_rates(populations, rates)
        for name, value in {"samples": samples, "steps": steps, "seed": seed}.items():
            if value < 0:
                raise UsageError(f"{name} must be 0 or more, got {value}")
        if any(each.works for each in spans(network)) and steps < steps_needed(network):
            raise UsageError(f"one inference takes {steps_needed(network)} steps, not {steps}")
        return cls(
            network="",
            populations=populations,
            rates={name: float(rates[name]) for name in populations},
            samples=samples,
            steps=steps,
            sends=sending_spans(network),
            seed=seed,
        )

    @classmethod
    def like(
        cls, activity: Activity, network: Network, *, steps: int, samples: int = 1, seed: int = 0
    ) -> RateActivity:
        """Return the activity of a network at the mean rates measured on another one.

        Args:
            activity: Of a network with populations of the same names, a smaller one perhaps.
            network: The network.
            steps: Number of time steps.
            samples: Number of samples.
            seed: Of the draws.

        Raises:
            UsageError: A population has no namesake.
        """
        sends = sending_spans(network)
        means = {
            name: float(rates.mean()) * activity.steps / sends[name].length
            if name in sends
            else float(rates.mean())
            for name, rates in activity.rates().items()
        }
        wanted = {each.name for each in network.populations}
        known = {name: rate for name, rate in means.items() if name in wanted}
        return cls.of(network, known, steps=steps, samples=samples, seed=seed)

    @property
    def inputs(self) -> str:
        """What the draws depend on, as a fingerprint that says that they are draws."""
        text = json.dumps([self.rates, self.samples, self.steps, self.seed])
        return f"rates:{hashlib.sha256(text.encode()).hexdigest()}"

    def of_samples(self, first: int, count: int) -> RateActivity:
        """Return the activity of ``count`` samples from ``first`` on."""
        count = max(min(count, self.samples - first), 0)
        return replace(self, samples=count, first_sample=self.first_sample + first)

    def class_counts(self, neuron_class: np.ndarray, n_classes: int) -> np.ndarray:
        """Return int64 [samples, steps, n_classes]: events of each class of neurons.

        Args:
            neuron_class: int32 [neurons], class of each neuron in the network's numbering,
                those of a population together; -1 leaves a neuron out.
            n_classes: Number of classes.
        """
        counts = np.zeros((self.samples, self.steps, n_classes), np.int64)
        first = 0
        for number, (name, shape) in enumerate(self.populations.items()):
            mine = np.asarray(neuron_class[first : first + prod(shape)])
            first += prod(shape)
            classes, members = np.unique(mine[mine >= 0], return_counts=True)
            for sample in range(self.samples):
                seed = (self.seed, self.first_sample + sample, number)
                draw = np.random.default_rng(seed)
                span = self.sends.get(name, Span(0, self.steps))
                events = draw.binomial(members, self.rates[name], (span.length, classes.size))
                counts[sample, span.first : span.stop, classes] += events.T
        return counts

    def spikes(self, population: str, neuron_class: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return which neurons of a population spike in the first sample, given how many do.

        Of the neurons of a class each choice of so many is as likely as any other, which is
        how independent spikes are spread once their number is known.

        Args:
            population: Name of the population.
            neuron_class: int [neurons of the population], class of each.
            counts: int64 [steps, classes], events of the sample, from `class_counts`.

        Returns:
            bool [steps, neurons of the population].
        """
        parts = list(self._spikes(population, neuron_class, counts))
        return np.concatenate([np.zeros((0, neuron_class.size), bool), *parts])

    def _spikes(
        self, population: str, neuron_class: np.ndarray, counts: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Yield what `spikes` returns, some steps at a time."""
        number = list(self.populations).index(population)
        draw = np.random.default_rng((self.seed, self.first_sample, number, 1))
        sorted_class = np.sort(neuron_class)
        place = np.arange(sorted_class.size) - np.searchsorted(sorted_class, sorted_class)
        width = max(_CHUNK // max(neuron_class.size, 1), 1)
        for first in range(0, len(counts), width):
            part = counts[first : first + width]
            # In the order of these keys neurons stand class by class, and at random in a class.
            keys = neuron_class + draw.random((len(part), neuron_class.size)) / 2
            spikes = np.zeros(keys.shape, bool)
            fires = place < part[:, sorted_class]
            np.put_along_axis(spikes, np.argsort(keys, axis=1), fires, axis=1)
            yield spikes

    @property
    def may_be_listed(self) -> bool:
        """Whether the raster that `listed` returns is within `MOST_LISTED_BYTES`."""
        return self._listed_bytes <= MOST_LISTED_BYTES

    @property
    def _listed_bytes(self) -> int:
        row = sum(-(-prod(shape) // 8) for shape in self.populations.values())
        return self.samples * self.steps * row

    def listed(self, neuron_class: np.ndarray) -> Activity:
        """Return who spikes when, with as many events of each class as `class_counts` draws.

        Timing models that follow single packets need it. Of the neurons of a class each choice is
        as likely as any other, see `spikes`.

        Args:
            neuron_class: int32 [neurons], class of each neuron in the network's numbering, from 0.

        Raises:
            UsageError: The raster would be larger than `MOST_LISTED_BYTES`.
        """
        if not self.may_be_listed:
            raise UsageError(
                f"spikes at these rates take {self._listed_bytes / 1e9:,.1f} GB to list for models"
                f" that follow single messages, over the {MOST_LISTED_BYTES / 1e9:,.1f} GB that are"
                " allowed; use `bound`, or fewer steps or samples"
            )
        rasters = {
            name: np.empty((self.samples, self.steps, -(-prod(shape) // 8)), np.uint8)
            for name, shape in self.populations.items()
        }
        classes = int(neuron_class.max(initial=-1)) + 1
        for sample in range(self.samples):
            one, first = self.of_samples(sample, 1), 0
            (counts,) = one.class_counts(neuron_class, classes)
            for name, shape in self.populations.items():
                own = neuron_class[first : first + prod(shape)]
                first += prod(shape)
                np.concatenate(
                    [pack(part) for part in one._spikes(name, own, counts)],
                    out=rasters[name][sample],
                )
        return Activity.from_rasters(
            self.populations, rasters, network=self.network, inputs=self.inputs
        )


def sending_spans(network: Network) -> dict[str, Span]:
    """Return the steps in which populations send, of those that do not in every step."""
    pairs = zip(network.index, spans(network), strict=True)
    return {name: each.sends for name, each in pairs if each.sends}


def _check_rates(populations: Mapping[str, tuple[int, ...]], rates: Mapping[str, float]) -> None:
    for name in rates:
        if name not in populations:
            close = nearest_names(name, populations)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise UsageError(f"there is no population {name!r}{hint}")
    if missing := [name for name in populations if name not in rates]:
        raise UsageError(f"there is no rate of population {', '.join(map(repr, missing))}")
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise UsageError(f"the rate of {name!r} must lie between 0 and 1, got {rate!r}")
