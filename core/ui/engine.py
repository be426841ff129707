"""The engine of this server."""

from functools import cache

from core.engine.local import LocalEngine
from core.ui.limits import limits
from core.ui.metrics import Counted


@cache
def engine() -> Counted:
    """Made once, with the limits that the environment sets; what it does is counted."""
    return Counted(LocalEngine(limits()))
