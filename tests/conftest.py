"""What must come before everything else."""

from core import search

# TensorFlow brings an SQLite without full-text search, and hides the system's: the index is made before it is loaded.
# (The server never loads TensorFlow.)
search.find("net")
