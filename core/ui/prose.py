"""An essay's Markdown made ready for the page: citations, claims' numbers, and words that set a lab."""

import html
import re
from urllib.parse import quote

import streamlit as st

from core import bibliography, book
from core.book import Chapter
from core.essay import CITATION, CLAIM, TRY, Essay, keys
from core.lab import Claim

KINDS = {"exact": "Exact", "published": "Published", "measured": "Measured here"}


def prose(chapter: Chapter, text: str) -> None:
    """Draw a piece of an essay."""
    st.markdown(ready(chapter, text), unsafe_allow_html=True)


def ready(chapter: Chapter, text: str) -> str:
    """Markdown with its marks replaced by HTML; see :mod:`core.essay`."""
    claims = book.claims(chapter.slug)
    text = TRY.sub(lambda m: _try(m[1], m[2], m[3]), text)
    text = CITATION.sub(lambda m: _citations(m[1]), text)
    return CLAIM.sub(lambda m: _claim(claims[m[1]]), text)


def references(essay: Essay) -> None:
    """Draw the list of what the essay cites."""
    items = []
    for key in sorted(essay.citations):
        reference = bibliography.references()[key]
        link = f' <a href="{html.escape(reference.url)}">{_host(reference.url)}</a>' if reference.url else ""
        items.append(f"<li>{html.escape(reference.full)}{link}</li>")
    st.html(f"<ul class='wd-references'>{''.join(items)}</ul>")


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


def _claim(claim: Claim) -> str:
    source = f", {bibliography.references()[claim.source].short}" if claim.source else ""
    checked = {"equals": f"to within {claim.tolerance:g}", "at most": "to be no more", "at least": "to be no less"}
    tip = f"{claim.sentence} {KINDS[claim.kind]}{source}; checked {checked[claim.relation]} ({claim.id})."
    return _tip(html.escape(claim.text), tip, "claim")


def _try(words: str, lab: str, settings: str) -> str:
    # The lab's own script answers the click, so that the page is not loaded anew.
    return f'<a class="wd-try" href="#{lab}?{quote(settings, safe="=&.,;|+-")}" target="_self">{html.escape(words)}</a>'


def _host(url: str) -> str:
    return html.escape(re.sub(r"^https?://(www\.)?", "", url))
