"""The engine of this server."""

import logging
import os
from functools import cache

from core.engine import Engine
from core.engine.limits import read_limits
from core.engine.local import LocalEngine

log = logging.getLogger(__name__)


@cache
def engine() -> Engine:
    """Made once, with the limits that the environment sets; what cannot be read there is named in the log."""
    limits, misses = read_limits(os.environ)
    for miss in misses:
        log.warning(miss)
    return LocalEngine(limits)
