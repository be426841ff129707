"""The page of all works cited: with links, the chapters that cite them, and BibTeX to copy."""

import html

import streamlit as st

from core import bibliography, book, essay
from core.ui import prose


def show() -> None:
    """Draw the page."""
    cited: dict[str, list[str]] = {}
    for chapter in book.chapters():
        sources = {claim.source for claim in book.claims(chapter.slug).values() if claim.source}
        for key in sources | set(essay.read(chapter).citations):
            cited.setdefault(key, []).append(
                f'<a href="{chapter.slug}" target="_self">{html.escape(chapter.title)}</a>'
            )
    with st.container(key="prose-references"):
        st.title("References", anchor=False)
        items = [
            f'<li id="{reference.key}">{prose.reference(reference)} Cited in {", ".join(cited[reference.key])}.'
            f"<details><summary>BibTeX</summary><pre>{html.escape(reference.bibtex)}</pre></details></li>"
            for reference in sorted(bibliography.references().values(), key=lambda reference: reference.full)
        ]
        st.html(f"<ul class='wd-references'>{''.join(items)}</ul>")
        whole = bibliography.REFERENCES.read_text("utf-8")
        st.download_button("All as BibTeX", whole, "why-deep-learning-works.bib", "text/x-bibtex", on_click="ignore")
