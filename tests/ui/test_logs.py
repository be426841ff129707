"""The server's log, in a process of its own: setting it up touches every handler there is."""

import json
import os
import subprocess
import sys

from core.book import ROOT

SCRIPT = """
import json
import logging
from streamlit.logger import get_logger
from core.ui import logs
theirs, access, web = get_logger("streamlit.web"), get_logger("uvicorn.access"), get_logger("uvicorn.error")
logs.set_up()
logging.getLogger("core.ui").info("Here we are.")
theirs.warning("There, too.")
access.info('%s - "%s %s HTTP/%s" %d', "192.0.2.1:5", "GET", "/sine_fits?fit.width=8", "1.1", 200)
web.info('%s - "WebSocket %s" [accepted]', ("192.0.2.1", 5), "/_stcore/stream")
web.info("Uvicorn running on %s://%s:%d", "http", "127.0.0.1", 8501)
try:
    json.loads("<")
except ValueError:
    get_logger(logs.FORGED[0]).warning("It cannot be read.", exc_info=True)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("core.engine").exception("It failed.")
"""


def logged(kind: str) -> list[str]:
    environment = os.environ | {"WDLW_LOG": kind}
    command = [sys.executable, "-c", SCRIPT]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return ran.stderr.splitlines()


def test_one_object_a_line_when_asked_for() -> None:
    lines = [json.loads(line) for line in logged("json")]
    assert [(line["level"], line["logger"], line["message"]) for line in lines] == [
        ("INFO", "core.ui", "Here we are."),
        ("WARNING", "streamlit.web", "There, too."),
        ("INFO", "uvicorn.error", "Uvicorn running on http://127.0.0.1:8501"),
        ("WARNING", "streamlit.components.v2.bidi_component.serialization", "It cannot be read."),
        ("ERROR", "core.engine", "It failed."),
    ]
    assert "exc_info" not in lines[-2]
    assert all(line["time"][:2] == "20" for line in lines) and "ZeroDivisionError" in lines[-1]["exc_info"]


def test_plain_lines_otherwise_and_a_word_for_what_is_neither() -> None:
    assert "INFO core.ui: Here we are." in logged("")[0]
    odd = logged("xml")
    assert "“xml”: it is plain" in odd[0] and "Here we are." in odd[1]


def test_no_line_has_an_address_or_a_link_of_a_reader() -> None:
    said = "\n".join(logged(""))
    assert "Uvicorn running" in said and "192.0.2.1" not in said and "sine_fits" not in said
