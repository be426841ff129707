"""Nets can memorise noise: random labels, counting, and what capacity is not."""

from core.ui import chapter

chapter.show("random_labels")
