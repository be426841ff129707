"""The server's log: plain lines, or with ``WDLW_LOG=json`` one JSON object a line. No reader's data are in it."""

import logging
import os

from pythonjsonlogger.json import JsonFormatter

KINDS = ("plain", "json")
VARIABLE = "WDLW_LOG"
FORGED = ("streamlit.components.v2.bidi_component.serialization", "streamlit.runtime.backend_operation_handler")
"""Where Streamlit logs what a browser says that cannot be read, or asks for that is gone, as errors of its own."""


def set_up() -> None:
    """Have this project's words logged, and give every handler there is the form that the environment asks for."""
    ours = logging.getLogger("core")
    ours.setLevel(logging.INFO)
    ours.propagate = False
    ours.handlers = [logging.StreamHandler()]
    # Of each request and of each WebSocket the web server would log the reader's address and link.
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(lambda record: '"WebSocket ' not in str(record.msg))
    for forged in FORGED:
        logging.getLogger(forged).addFilter(_without_traceback)
    kind = os.environ.get(VARIABLE) or KINDS[0]
    form: logging.Formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    ours.handlers[0].setFormatter(form)
    if kind not in KINDS:
        ours.warning(f"{VARIABLE} can be “plain” or “json”, not “{kind[:40]}”: it is plain.")
    if kind == "json":
        form = JsonFormatter(
            ["asctime", "levelname", "name", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )
        # Streamlit and the web server have handlers of their own.
        for name in [None, *logging.root.manager.loggerDict]:
            for handler in logging.getLogger(name).handlers:
                handler.setFormatter(form)


def _without_traceback(record: logging.LogRecord) -> bool:
    """Make a line of an error that has no cause; one that has is a fault of ours, in making a file."""
    if record.exc_info and record.exc_info[1] and record.exc_info[1].__cause__ is None:
        record.exc_info = None
    return True
