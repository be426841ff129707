"""The limits of this server."""

import logging
import os
from functools import cache

from core.engine.limits import Limits, read_limits

log = logging.getLogger(__name__)


@cache
def limits() -> Limits:
    """What the environment sets; what cannot be read there is named in the log, once."""
    found, misses = read_limits(os.environ)
    for miss in misses:
        log.warning(miss)
    return found
