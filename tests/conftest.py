"""What must come before everything else."""

import os

from core import search

# No test but those of the cache leaves a run in it, or meets one that another has left.
os.environ["WDLW_CACHE_MB"] = "0"

# TensorFlow brings an SQLite without full-text search, and hides the system's: the index is made before it is loaded.
# (The server never loads TensorFlow.)
search.find("net")
