"""The script behind every page: the look, the list of pages, and the page asked for."""

import streamlit as st

from core import book
from core.ui import evidence, glossary, home, references, scripts, teach

st.set_page_config(layout="wide", initial_sidebar_state="collapsed")
st.html(book.ASSETS / "style.css")
contents = st.Page(home.show, title="Why Deep Learning Works", url_path="contents", default=True)
around = [
    st.Page(teach.show, title="Teach", url_path="teach"),
    st.Page(evidence.show, title="Evidence", url_path="evidence"),
    st.Page(references.show, title="References", url_path="references"),
    st.Page(glossary.show, title="Glossary", url_path="glossary"),
]
chapters = [st.Page(chapter.page, title=chapter.title, url_path=chapter.slug) for chapter in book.chapters()]
page = st.navigation([contents, *chapters, *around], position="hidden")
scripts.component("page", "<span></span>")(key="page-script")
if not st.context.is_embedded:
    with st.container(horizontal=True, key="site"):
        for link in (contents, *around):
            st.page_link(link)
page.run()
