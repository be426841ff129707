# The essay as an image: docker build --target cpu -t wdlw . && docker run --read-only --tmpfs /tmp -p 8501:8501 wdlw
# docs/hosting.md says more. --target cuda computes on a GPU; --build-arg EXTRAS=ray adds what a cluster needs.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim-trixie AS build
ARG EXTRAS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# pip stays here: it installs into a place that has none.
RUN python -m venv --without-pip /opt/venv
WORKDIR /src
# What says what to install comes first: an essay that changes is no reason to install anew.
COPY pyproject.toml requirements.lock README.md LICENSE LICENSE-TEXT ./
COPY assets/fonts/OFL.txt assets/fonts/

FROM build AS install-cpu
RUN pip --python /opt/venv/bin/python install --constraint requirements.lock ".${EXTRAS:+[${EXTRAS}]}"

FROM build AS install-cuda
RUN pip --python /opt/venv/bin/python install --constraint requirements.lock ".[gpu${EXTRAS:+,${EXTRAS}}]"

# Headers, a C compiler's library, source maps and the libraries' own tests: a quarter of what was installed, and
# nothing here reads them.
FROM install-cpu AS slim-cpu
RUN rm -rf /opt/venv/lib/python*/site-packages/clang /opt/venv/lib/python*/site-packages/tensorflow/include \
    && find /opt/venv '(' -type d -name tests -o -type f -name "*.js.map" ')' -prune -exec rm -rf {} +

FROM install-cuda AS slim-cuda
RUN rm -rf /opt/venv/lib/python*/site-packages/clang /opt/venv/lib/python*/site-packages/tensorflow/include \
    && find /opt/venv '(' -type d -name tests -o -type f -name "*.js.map" ')' -prune -exec rm -rf {} +

# Compiled beforehand, as a read-only file system keeps no bytecode.
FROM python:${PYTHON}-slim-trixie AS app
WORKDIR /app
COPY LICENSE LICENSE-TEXT pyproject.toml app.py ./
COPY .streamlit/config.toml .streamlit/
COPY assets assets
COPY core core
COPY pages pages
RUN python -m compileall -q app.py core pages

FROM python:${PYTHON}-slim-trixie AS base
# /cache takes the finished runs of all readers.
ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_HEADLESS=true \
    STREAMLIT_SERVER_PORT=8501 \
    WDLW_CACHE=/cache
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
    && useradd --uid 1000 --no-create-home --shell /usr/sbin/nologin reader \
    && install -d -o reader -g reader -m 0700 /cache
WORKDIR /app
USER 1000:1000
VOLUME /cache
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"STREAMLIT_SERVER_PORT\"]}/healthz', timeout=4)"]
CMD ["streamlit", "run", "app.py"]

# The essay comes last: when it changes, the two gigabytes below it stay as they are.
FROM base AS cuda
COPY --from=slim-cuda /opt/venv /opt/venv
COPY --from=app /app /app

# The last target is what a build without one makes.
FROM base AS cpu
COPY --from=slim-cpu /opt/venv /opt/venv
COPY --from=app /app /app
