"""The page of all terms."""

import html

import streamlit as st

from core import glossary


def show() -> None:
    """Draw the page."""
    with st.container(key="prose-glossary"):
        st.title("Glossary", anchor=False)
        items = "".join(
            f"<dt id='{term.key}'>{html.escape(term.name)}</dt><dd>{html.escape(term.means)}</dd>"
            for term in glossary.terms().values()
        )
        st.html(f"<dl class='wd-glossary'>{items}</dl>")
