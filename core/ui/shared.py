"""The finished runs that this server's readers share."""

import os
from functools import cache
from pathlib import Path

import platformdirs

from core.shared import SharedRuns
from core.ui.limits import limits


@cache
def shared_runs() -> SharedRuns:
    """Made once, in the directory and with the bound that the environment sets, or in the user's own."""
    named = os.environ.get("WDLW_CACHE", "").strip()
    directory = (
        Path(os.path.expanduser(named)) if named else platformdirs.user_cache_path("why-deep-learning-works", False)
    )
    return SharedRuns(directory, limits().cache_mb)
