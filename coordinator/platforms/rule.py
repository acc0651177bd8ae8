"""What every platform's rule is reduced to: whose it is, and which part of which layer it may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layer:
    """A part of a layer: the units whose hash falls into ``ranges`` (each from 0 to 1, the end excluded).

    ``hashed_by`` holds everything that the hash depends on: only equal hashes can be compared.
    """

    name: str
    hashed_by: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]

    def disjoint(self, other: Layer) -> bool:
        """Whether no unit can be in both parts.

        >>> Layer("a", ("id",), ((0.0, 0.5),)).disjoint(Layer("a", ("id",), ((0.5, 1.0),)))
        True
        """
        same = self.name == other.name and self.hashed_by == other.hashed_by
        return same and all(
            end <= start or other_end <= begin for begin, end in self.ranges for start, other_end in other.ranges
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a flag or experiment: its key, and its part of a layer; None without one."""

    key: str
    layer: Layer | None
