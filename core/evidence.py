"""Claims, measured: what a number of the essay comes to when it is computed again."""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from core import book
from core.lab import Claim, Frame

MEASURING = ThreadPoolExecutor(1, thread_name_prefix="measure")
"""One at a time: a claim may hold many nets."""
WAIT = 0.05
"""Seconds that a look at a measurement takes: readers' runs wait for their turns meanwhile."""


@dataclass(frozen=True)
class Verdict:
    """What a claim's measurement gave; ``measured`` is NaN and ``error`` tells why if it failed."""

    id: str
    claim: Claim
    measured: float
    seconds: float
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether the claim is confirmed."""
        return not self.error and self.claim.holds(self.measured)


def measurable() -> dict[str, Claim]:
    """The claims that can be measured here, as :func:`claims` has them."""
    return {full: claim for full, claim in claims().items() if claim.measure is not None}


def claims() -> dict[str, Claim]:
    """Every claim as ``chapter.id``, in reading order."""
    return {
        f"{chapter.slug}.{name}": claim
        for chapter in book.chapters()
        for name, claim in book.claims(chapter.slug).items()
    }


def measure(full: str, claim: Claim) -> Verdict:
    """Measure a claim; whatever goes wrong is a miss."""
    begun = time.monotonic()
    try:
        assert claim.measure is not None, "This number was published elsewhere, and is not measured here."
        measured, error = float(claim.measure()), ""
    except Exception as failure:
        measured, error = math.nan, " ".join(f"{type(failure).__name__}: {failure}".split())
    return Verdict(full, claim, measured, time.monotonic() - begun, error)


def measuring(full: str) -> Iterator[Frame]:
    """A claim's measurement as a run, so that an engine can hold it: frames until the last has ``measured``.

    The steps say only that it goes on: how long a measurement takes is not known before.
    """
    claim = measurable()[full]
    pending = MEASURING.submit(measure, full, claim)
    looks = 0
    try:
        while not pending.done():
            yield Frame(looks, looks + 1, {"measured": np.array(math.nan), "seconds": np.array(math.nan)})
            looks += 1
            wait([pending], WAIT)
        verdict = pending.result()
        if verdict.error:
            raise RuntimeError(verdict.error)
        numbers = {"measured": np.array(verdict.measured), "seconds": np.array(verdict.seconds)}
        yield Frame(looks, looks, numbers)
    finally:
        pending.cancel()
