"""The commands of ``python -m core``, one function each; ``core/__main__.py`` has their arguments."""
