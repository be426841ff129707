"""Nets can memorise noise: random labels, counting, and what capacity is not."""
