"""The first page: what this is, and the contents."""

import streamlit as st

from core import book, essay


def show() -> None:
    """Draw the page."""
    with st.container(key="prose-home"):
        st.title("Why Deep Learning Works", anchor=False)
        st.markdown(
            "A deep net has far more weights than data, its loss is not convex, and it can memorise noise. By the "
            "book it should neither train nor generalise. It does both. **Why?**\n\n"
            "Nobody knows the whole answer. These pages say what is known, what is measured here, and what is "
            "disputed. Beside each argument stands a lab, in which nets are trained while you watch: pause them, go "
            "back, change a setting, compare. Every number in the text comes from a run or from a named source, "
            "and you can measure it again."
        )
        for part in book.PARTS:
            st.header(part.title, anchor=False)
            for chapter in part.chapters:
                text = essay.read(chapter)
                st.page_link(chapter.page, label=f"**{chapter.number}. {chapter.title}**")
                st.markdown(f"{chapter.question} *{text.minutes} minutes, {len(text.labs)} labs.*")
