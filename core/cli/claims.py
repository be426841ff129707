"""``check``: measure the numbers that the essay states."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from core import evidence
from core.cli.output import Fault, nearest, progress, write, write_json, write_table
from core.evidence import Verdict, measure
from core.lab import Claim, quote

SIGNS = {"equals": "=", "at most": "≤", "at least": "≥"}
LONGEST_ERROR = 100


def check(arguments: Namespace) -> int:
    """Measure claims and print a table; 1 if any misses."""
    claims = {full: claim for full, claim in _choose(arguments.ids).items() if not (arguments.quick and claim.slow)}
    verdicts = []
    with progress("Measuring", "claims") as advance:
        for number, (full, claim) in enumerate(claims.items()):
            advance(number, len(claims), full)
            verdicts.append(measure(full, claim))
    missed = sum(not verdict.holds for verdict in verdicts)
    if arguments.json:
        write_json({"claims": [_describe(verdict) for verdict in verdicts], "missed": missed})
    else:
        _write_verdicts(verdicts)
        write(f"{len(verdicts) - missed} of {len(verdicts)} claims hold.")
    return 1 if missed else 0


def _choose(ids: Sequence[str]) -> dict[str, Claim]:
    every = evidence.measurable()
    if not ids:
        return every
    chosen = {}
    for given in ids:
        full = [name for name in every if given in (name, name.partition(".")[2])]
        if not full:
            if given in evidence.claims():
                raise Fault(f"The number {quote(given)} was published elsewhere, and is not measured here.")
            raise Fault(f"There is no claim {quote(given)}{nearest(given, every)}")
        if len(full) > 1:
            raise Fault(f"Several chapters have a claim {quote(given)}: {', '.join(full)}.")
        chosen[full[0]] = every[full[0]]
    return chosen


def _write_verdicts(verdicts: Sequence[Verdict]) -> None:
    numbers = {"Expected": True, "Tolerance": True, "Measured": True}
    columns = {"Claim": False, "Source": False, "Kind": False, **numbers, "Verdict": False}
    rows = []
    for verdict in verdicts:
        claim = verdict.claim
        expected = f"{SIGNS[claim.relation]} {claim.expected:g}"
        measured = f"{verdict.measured:.6g}" if not verdict.error else verdict.error[:LONGEST_ERROR]
        tolerance = f"± {claim.tolerance:g}" if claim.tolerance else "none"
        source, holds = claim.source or "this essay", "holds" if verdict.holds else "misses"
        rows.append((verdict.id, source, claim.kind, expected, tolerance, measured, holds))
    write_table(columns, rows)


def _describe(verdict: Verdict) -> dict[str, Any]:
    claim = verdict.claim
    stated = {
        name: getattr(claim, name) for name in ("sentence", "source", "kind", "relation", "expected", "tolerance")
    }
    found = {"measured": verdict.measured, "holds": verdict.holds, "error": verdict.error}
    return {"id": verdict.id, **stated, **found, "seconds": round(verdict.seconds, 3)}
