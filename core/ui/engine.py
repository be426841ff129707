"""The engine of this server."""

import logging
import os
from functools import cache

from core.engine.chosen import choose
from core.ui.limits import limits
from core.ui.metrics import Counted

log = logging.getLogger(__name__)


@cache
def engine() -> Counted:
    """Made once, as the environment asks; what it does is counted."""
    chosen, misses = choose(os.environ, limits())
    for miss in misses:
        log.warning(miss)
    return Counted(chosen)
