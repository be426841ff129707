"""The page of all claims: what each says, where it comes from, and what it measured on this server."""

import html
import time
from typing import Any

import streamlit as st

from core import book, evidence
from core.lab import Claim
from core.ui import measurements, prose

VERDICTS = ("holds", "misses", "not measured yet")


def show() -> None:
    """Draw the page."""
    claims, standing = evidence.claims(), measurements.known()
    with st.container(key="prose-evidence"):
        st.title("Evidence", anchor=False)
        st.markdown(
            "Every number that the essay states, with what it was checked against. *Exact* follows from a theorem or a "
            "derivation; *published* was seen in a source; *measured here* has no other authority than its own "
            "measurement, made with several seeds, and its tolerance is wide enough for other seeds and machines. "
            "Measure any of them again: misses are shown as plainly as hits."
        )
        chapters = {chapter.slug: chapter.title for chapter in book.chapters()}
        slugs = st.pills(
            "Chapters", tuple(chapters), selection_mode="multi", format_func=lambda slug: chapters[slug], key="chapters"
        )
        kinds = st.pills(
            "Kinds", tuple(prose.KINDS), selection_mode="multi", format_func=lambda kind: prose.KINDS[kind], key="kinds"
        )
        verdicts = st.pills("On this server", VERDICTS, selection_mode="multi", key="verdicts")
    shown = {
        full: claim
        for full, claim in claims.items()
        if (not slugs or full.partition(".")[0] in slugs)
        and (not kinds or claim.kind in kinds)
        and (not verdicts or _verdict(standing.get(full)) in verdicts)
    }
    with st.container(key="wide-evidence"):
        st.html(_table(shown, standing) if shown else "<p>No claim is of that kind.</p>")


def _verdict(state: dict[str, Any] | None) -> str:
    if state is None or state["holds"] is None:
        return VERDICTS[2]
    return VERDICTS[0] if state["holds"] else VERDICTS[1]


def _table(claims: dict[str, Claim], standing: dict[str, dict[str, Any]]) -> str:
    rows = "".join(_row(full, claim, standing.get(full)) for full, claim in claims.items())
    return (
        f"<p>{len(claims)} claims. <button class='wd-measure-all'>Measure all of these</button></p>"
        "<table class='wd-evidence'><thead><tr><th scope='col'>Claim</th><th scope='col'>Number</th>"
        "<th scope='col'>Origin and check</th><th scope='col'>On this server</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _row(full: str, claim: Claim, state: dict[str, Any] | None) -> str:
    kind = {None: "", True: " wd-holds", False: " wd-misses"}[state["holds"] if state else None]
    said = html.escape(_said(claim, state))
    return (
        f"<tr id='{full}'><th scope='row'>{html.escape(claim.sentence)}<br><code>{full}</code></th>"
        f"<td>{html.escape(claim.text)}</td><td>{html.escape(prose.origin(claim))}</td>"
        f"<td><span class='wd-verdict{kind}' data-claim='{full}' role='status'>{said}</span></td>"
        f"<td>{_button(full) if claim.measure else ''}</td></tr>"
    )


def _button(full: str) -> str:
    return f"<button class='wd-measure' data-claim='{full}' aria-label='Measure {full}'>Measure</button>"


def _said(claim: Claim, state: dict[str, Any] | None) -> str:
    if claim.measure is None:
        return "Not reproduced here."
    if state is None:
        return "Not measured yet."
    if state["running"]:
        return "Being measured."
    if state["holds"] is None:
        return state["note"] or "Not measured yet."
    ago = max(0, round((time.time() - state["at"]) / 60))
    when = "just now" if ago == 0 else f"{ago} min ago"
    verdict = "✓ holds" if state["holds"] else "✗ misses"
    return f"{verdict}: measured {state['measured']} {when}, in {state['took']}."
