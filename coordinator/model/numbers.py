"""Sufficient statistics that merge with ``+``, intervals and test results."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """``events`` out of ``trials``; both may be odd (NaN, negative): the stages judge that.

    >>> Counts(1, 10) + Counts(2, 10)
    Counts(events=3, trials=20)
    """

    events: float
    trials: float

    @property
    def rate(self) -> float:
        """Events over trials, NaN without trials."""
        return self.events / self.trials if self.trials else math.nan

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.events + other.events, self.trials + other.trials)


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean and central sums of a variable ``x``, with cross sums to a second variable.

    ``m2`` and ``m3`` are the sums of squared and cubed deviations from the mean. ``y_mean``, ``y_m2``
    and ``xy`` (sum of the products of deviations) belong to a denominator or a covariate.
    Adds with ``+`` (Chan, Golub & LeVeque 1979; Pebay 2008), so shards and strata merge.

    >>> Moments(2, 1.5, 0.5) + Moments(1, 3.0, 0.0)
    Moments(n=3, mean=2.0, m2=2.0, m3=0.0, y_mean=None, y_m2=0.0, xy=0.0)
    """

    n: float
    mean: float
    m2: float
    m3: float = 0.0
    y_mean: float | None = None
    y_m2: float = 0.0
    xy: float = 0.0

    @property
    def variance(self) -> float:
        """Sample variance (n - 1), NaN below two values."""
        return self.m2 / (self.n - 1) if self.n > 1 else math.nan

    @property
    def skewness(self) -> float:
        """Third standardised moment (biased form), 0 without spread."""
        spread = self.m2**1.5 if self.m2 > 0 else 0.0
        return math.sqrt(self.n) * self.m3 / spread if self.n >= 3 and spread else 0.0

    @property
    def heavy_tailed(self) -> bool:
        """Whether n is below 355 x skewness^2, so that the mean is not close to normal (Kohavi et al. 2014, 2.5)."""
        return self.n < 355 * self.skewness**2

    @classmethod
    def from_sums(
        cls, n: float, total: float, squares: float, shift: float = 0.0, cubes: float | None = None
    ) -> Moments:
        """Moments from sums of ``x - shift``, of its squares and of its cubes.

        >>> Moments.from_sums(3, 6.0, 14.0, cubes=36.0)
        Moments(n=3, mean=2.0, m2=2.0, m3=0.0, y_mean=None, y_m2=0.0, xy=0.0)
        """
        if not n:
            return cls(0, math.nan, 0.0)
        d = total / n
        m2 = squares - n * d * d
        m3 = 0.0 if cubes is None else cubes - 3 * d * squares + 2 * n * d**3
        return cls(n, shift + d, m2 if math.isnan(m2) else max(m2, 0.0), m3)

    def __add__(self, other: Moments) -> Moments:
        if not self.n:
            return other
        if not other.n:
            return self
        n = self.n + other.n
        d = other.mean - self.mean
        w = self.n * other.n / n
        m3 = (
            self.m3 + other.m3 + d**3 * w * (self.n - other.n) / n + 3 * d * (self.n * other.m2 - other.n * self.m2) / n
        )
        mean = self.mean + d * other.n / n
        m2 = self.m2 + other.m2 + d * d * w
        if self.y_mean is None or other.y_mean is None:
            return Moments(n, mean, m2, m3)
        e = other.y_mean - self.y_mean
        return Moments(
            n,
            mean,
            m2,
            m3,
            self.y_mean + e * other.n / n,
            self.y_m2 + other.y_m2 + e * e * w,
            self.xy + other.xy + d * e * w,
        )


@dataclass(frozen=True, slots=True)
class Histogram:
    """Exact value counts, sorted by value. Adds with ``+``. Gives ranks, quantiles and moments.

    >>> Histogram.of([3.0, 1.0, 3.0])
    Histogram(values=(1.0, 3.0), counts=(1, 2))
    """

    values: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, samples: Iterable[float]) -> Histogram:
        """The histogram of raw samples (finite ones; check before)."""
        tally: dict[float, int] = {}
        for value in samples:
            tally[value] = tally.get(value, 0) + 1
        values = tuple(sorted(tally))
        return cls(values, tuple(tally[v] for v in values))

    @property
    def n(self) -> int:
        """Number of samples."""
        return sum(self.counts)

    @property
    def moments(self) -> Moments:
        """Exact moments of the samples."""
        n = self.n
        if not n:
            return Moments(0, math.nan, 0.0)
        mean = math.fsum(v * c for v, c in zip(self.values, self.counts, strict=True)) / n
        m2 = math.fsum((v - mean) ** 2 * c for v, c in zip(self.values, self.counts, strict=True))
        m3 = math.fsum((v - mean) ** 3 * c for v, c in zip(self.values, self.counts, strict=True))
        return Moments(n, mean, m2, m3)

    def __add__(self, other: Histogram) -> Histogram:
        tally = dict(zip(self.values, self.counts, strict=True))
        for value, count in zip(other.values, other.counts, strict=True):
            tally[value] = tally.get(value, 0) + count
        values = tuple(sorted(tally))
        return Histogram(values, tuple(tally[v] for v in values))


@dataclass(frozen=True, slots=True)
class Series:
    """A gauge over time: one value a point; ``None`` where a point is missing."""

    times: tuple[datetime, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class RankSum:
    """Mann-Whitney's sufficient numbers for treatment against control.

    ``u`` counts pairs with treatment above control, ties as a half; ``tie_term`` is the sum of t^3 - t.
    """

    n_control: int
    n_treatment: int
    u: float
    tie_term: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval at ``level`` (0.95)."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a two-sample test says of (treated - control).

    ``difference`` is absolute, ``relative`` is treated / control - 1 (None where that has no meaning);
    intervals belong to them. ``p_value`` is two-sided.
    """

    __test__ = False  # not a pytest class

    test: str
    p_value: float
    difference: float
    relative: float | None = None
    difference_interval: Interval | None = None
    relative_interval: Interval | None = None
