"""What must come before everything else."""

import os

import pytest

from core import search

# No test but those of the cache leaves a run in it, or meets one that another has left.
os.environ["WDLW_CACHE_MB"] = "0"

# TensorFlow brings an SQLite without full-text search, and hides the system's: the index is made before it is loaded.
# (The server never loads TensorFlow.)
search.find("net")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all that drives the browser in one of the processes that share the tests: it has a server of its own."""
    for item in items:
        if "browser" in item.path.parent.parts:
            item.add_marker(pytest.mark.xdist_group("browser"))
