"""A question that a reader answers by drawing: the run draws its own curve over it, and the two are compared."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.lab import Frame, Value, printed


@dataclass(frozen=True)
class Sketch:
    """Heights to be drawn over the places ``at`` of the first panel's horizontal axis, before a run shows its own.

    ``settings`` is the run that answers, and ``curve`` gives its heights, NaN where it has none. ``keep`` names the
    data sets that stay in sight while the reader draws: the others would give the answer away. Every height is
    ``start`` at first. ``place`` and ``height`` format both for the reader. With ``log``, on an axis of powers, heights
    are compared by factors. Heights no farther apart than ``near`` (a difference, or a factor) count as met.
    """

    question: str
    settings: Mapping[str, Value]
    at: tuple[float, ...]
    curve: Callable[[Any, Sequence[Frame]], Sequence[float]]
    start: float
    near: float
    place: str
    height: str = "{:.2g}"
    keep: tuple[str, ...] = ()
    log: bool = False

    @property
    def places(self) -> list[str]:
        """Every place as a reader calls it."""
        return [printed(self.place.format(x)) for x in self.at]

    def read(self, raw: object) -> tuple[float, ...] | None:
        """Heights from what a browser sent; ``None`` for what is none: another count, no number, no power."""
        if not isinstance(raw, list) or len(raw) != len(self.at):
            return None
        if not all(isinstance(y, int | float) and not isinstance(y, bool) and abs(y) < 1e300 for y in raw):
            return None
        return None if self.log and min(raw) < 1e-300 else tuple(float(y) for y in raw)

    def verdict(self, drawn: Sequence[float], params: Any, frames: Sequence[Frame]) -> str:
        """How far the reader's heights are from the run's, where they are too high or too low, and where farthest."""
        run = self.curve(params, frames)
        known = [i for i, y in enumerate(run) if math.isfinite(y) and (y > 0 or not self.log)]
        if not known:
            return "The run gave no curve to compare yours with."
        off = [math.nan] * len(run)
        for i in known:
            off[i] = math.log(drawn[i] / run[i]) if self.log else drawn[i] - run[i]
        near = math.log(self.near) if self.log else self.near
        worst = max(known, key=lambda i: abs(off[i]))
        if abs(off[worst]) <= near:
            return f"That is what the run gave: nowhere more than {self._distance(near)} apart."
        mean = math.fsum(abs(off[i]) for i in known) / len(known)
        sides = [self._where([y > near for y in off], "high"), self._where([y < -near for y in off], "low")]
        return (
            f"On average your curve is {self._distance(mean)} away from the run’s: {'; '.join(filter(None, sides))}. "
            f"It is farthest at {self.places[worst]}: you drew {self._height(drawn[worst])}, the run gave "
            f"{self._height(run[worst])}."
        )

    def _where(self, missed: Sequence[bool], word: str) -> str:
        """“too high at 0, and from 20 to 60”; empty if nowhere."""
        parts = []
        for hit, group in itertools.groupby(range(len(missed)), key=lambda i: missed[i]):
            stretch = [self.places[i] for i in group]
            if hit:
                parts.append(f"at {stretch[0]}" if len(stretch) == 1 else f"from {stretch[0]} to {stretch[-1]}")
        return f"too {word} {' and '.join(parts)}" if parts else ""

    def _height(self, y: float) -> str:
        return printed(self.height.format(y))

    def _distance(self, off: float) -> str:
        return f"a factor of {printed(f'{math.exp(off):.2g}')}" if self.log else self._height(off)
