"""Why Deep Learning Works: ``streamlit run app.py``, or ``uvicorn app:app``."""

import streamlit as st

from core.ui import server

app = st.App(
    server.SITE,
    lifespan=server.lifespan,
    routes=server.ROUTES,
    middleware=server.MIDDLEWARE,
    on_script_error=server.say_error,
)
