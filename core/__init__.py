"""Why Deep Learning Works: an explorable essay, and the experiments beside it."""
