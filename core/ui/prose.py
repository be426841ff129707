"""An essay's Markdown made ready for the page: citations, claims' numbers, and words that set a lab."""

import html
import re
from urllib.parse import quote

import streamlit as st

from core import bibliography, book, glossary, readings
from core.bibliography import Reference
from core.book import Chapter
from core.essay import CITATION, CLAIM, RUN, TERM, TRY, Essay, keys
from core.lab import Claim

KINDS = {"exact": "Exact", "published": "Published", "measured": "Measured here"}


def prose(chapter: Chapter, text: str) -> None:
    """Draw a piece of an essay."""
    st.markdown(ready(chapter, text), unsafe_allow_html=True)


def ready(chapter: Chapter, text: str) -> str:
    """Markdown with its marks replaced by HTML; see :mod:`core.essay`."""
    claims = book.claims(chapter.slug)
    text = TRY.sub(lambda m: _try(m[1], m[2], m[3]), text)
    text = TERM.sub(lambda m: _tip(html.escape(m[1]), glossary.terms()[m[2]].means, "term"), text)
    text = CITATION.sub(lambda m: _citations(m[1]), text)
    text = RUN.sub(lambda m: _reading(chapter, m[1], readings.mark(m[2], m[3] or "")), text)
    return CLAIM.sub(lambda m: _claim(f"{chapter.slug}.{m[1]}", claims[m[1]]), text)


def references(essay: Essay) -> None:
    """Draw the list of what the essay cites."""
    items = []
    for key in sorted(essay.citations):
        items.append(f"<li>{reference(bibliography.references()[key])}</li>")
    st.html(f"<ul class='wd-references'>{''.join(items)}</ul>")


def reference(work: Reference) -> str:
    """A cited work as HTML, with its link."""
    link = f' <a href="{html.escape(work.url)}">{_host(work.url)}</a>' if work.url else ""
    return f"{html.escape(work.full)}{link}"


def says(sentences: list[str], kind: str = "note") -> None:
    """Draw sentences that may quote somebody's input: as text, never as markup."""
    if sentences:
        shown = sentences[:5] + ([f"And {len(sentences) - 5} more."] if len(sentences) > 5 else [])
        items = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in shown)
        st.html(f"<div class='wd-says wd-{kind}' role='status'>{items}</div>")


def _tip(body: str, tip: str, kind: str) -> str:
    return (
        f'<span class="wd-tipped wd-{kind}" tabindex="0">{body}'
        f'<span class="wd-tip" role="tooltip">{html.escape(tip)}</span></span>'
    )


def _citations(marks: str) -> str:
    cited = [bibliography.references()[key] for key in keys(marks)]
    return f"({'; '.join(_tip(html.escape(reference.short), reference.full, 'cite') for reference in cited)})"


def _claim(full: str, claim: Claim) -> str:
    if claim.measure is None:
        return _tip(html.escape(claim.text), f"{claim.sentence} {origin(claim)}", "claim")
    # The page's own script answers the click.
    return (
        f'<a class="wd-tipped wd-claim" href="#{full}" data-claim="{full}" target="_self">{html.escape(claim.text)}'
        f'<span class="wd-tip" role="tooltip">{html.escape(claim.sentence)} {html.escape(origin(claim))} '
        f'<span class="wd-verdict" data-claim="{full}" role="status">Click to measure it again.</span></span></a>'
    )


def _reading(chapter: Chapter, lab: str, mark: str) -> str:
    # The figure's script writes over both texts with every frame, so the server must not: it always sends these.
    shown = readings.stored_readings(f"{chapter.slug}.{lab}")
    number, about = (
        f'data-run="{lab}" data-reading="{html.escape(key)}">{html.escape(shown.get(key, readings.MISSING))}</span>'
        for key in (mark, readings.ABOUT)
    )
    tip = f'<span class="wd-tip" role="tooltip"><span {about}</span>'
    return f'<a class="wd-tipped wd-live" href="#{lab}" target="_self"><span class="wd-reading" {number}{tip}</a>'


def origin(claim: Claim) -> str:
    """Where a claim's number comes from and how closely it is checked, in words."""
    source = f", {bibliography.references()[claim.source].short}" if claim.source else ""
    if claim.measure is None:
        return f"{KINDS[claim.kind]}{source}; not reproduced here."
    checked = {"equals": f"to within {claim.tolerance:.2g}", "at most": "to be no more", "at least": "to be no less"}
    length = "; this takes up to a minute or two" if claim.slow else ""
    return f"{KINDS[claim.kind]}{source}; checked {checked[claim.relation]}{length}."


def _try(words: str, lab: str, settings: str) -> str:
    # The lab's own script answers the click, so that the page is not loaded anew.
    return f'<a class="wd-try" href="#{lab}?{quote(settings, safe="=&.,;|+-")}" target="_self">{html.escape(words)}</a>'


def _host(url: str) -> str:
    return html.escape(re.sub(r"^https?://(www\.)?", "", url))
