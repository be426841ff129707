"""The first page: what this is, one live figure, the contents, and a search."""

import html

import streamlit as st

from core import book, essay, search
from core.ui import labs

FIGURE = ("sine_fits", "fit")
"""The lab that the first page shows."""
ABOUT = """
A deep net has far more weights than data, its loss is not convex, and it can memorise noise. By the book it should
neither train nor generalise. It does both. **Why?**
"""
MORE = """
Nobody knows the whole answer. These pages say what is known, what is measured here, and what is disputed. Beside each
argument stands a lab like this one, in which nets train while you watch: pause, go back, change a setting, compare.
Every number in the text comes from a run or from a named source, and a click measures it again.

With a figure in focus, the keys **r** (run or pause), **s** (step), **0** (reset) and **p** (replay) do what its
buttons do.
"""


def show() -> None:
    """Draw the page."""
    with st.container(key="prose-home"):
        st.title("Why Deep Learning Works", anchor=False)
        st.markdown(ABOUT)
    slug, short = FIGURE
    lab = book.labs(slug)[short]
    if "home" not in st.session_state:
        labs.open_panels(slug, {short: lab.Params()})
        st.session_state["home"] = True
    with st.container(key=f"lab-{short}"):
        caption = "Sixteen nets learn a curve from ten of its points. They were never shown what lies between."
        labs.show(slug, short, 1, caption, frozenset({"settings", "more", "data", "buttons", "replay"}))
    with st.container(key="prose-contents"):
        st.markdown(MORE)
        words = st.text_input("Search the text, the labs, the terms and the references", key="search", max_chars=100)
        if words.strip():
            st.html(_results(words))
        for part in book.PARTS:
            st.header(part.title, anchor=False)
            for chapter in part.chapters:
                text = essay.read(chapter)
                st.page_link(chapter.page, label=f"**{chapter.number}. {chapter.title}**")
                titles = (book.labs(chapter.slug)[name].title for name in text.labs)
                seen = ", ".join(f"{title[0].lower()}{title[1:]}" for title in titles)
                st.markdown(f"{chapter.question} *{text.minutes} minutes; {len(text.labs)} labs: {seen}.*")


def _results(words: str) -> str:
    found = search.find(words)
    if not found:
        return f"<p role='status'>Nothing here speaks of “{html.escape(words)}”.</p>"
    begin, end = search.MARK
    items = "".join(
        f"<li><a href='{html.escape(place.address)}' target='_self'>{html.escape(place.title)}</a> "
        f"<span class='wd-kind'>{place.kind}</span><br>"
        f"{html.escape(place.excerpt).replace(begin, '<mark>').replace(end, '</mark>')}</li>"
        for place in found
    )
    return f"<ul class='wd-found' role='status'>{items}</ul>"
