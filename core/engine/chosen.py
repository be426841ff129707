"""The engine that the environment asks for: a cluster when one is named, else worker processes."""

from collections.abc import Mapping

from core.engine import Engine
from core.engine.limits import Limits
from core.engine.local import LocalEngine
from core.engine.ray import RayEngine, read_cluster


def choose(environment: Mapping[str, str], limits: Limits) -> tuple[Engine, list[str]]:
    """Start the engine, and one sentence for each of its variables that cannot be read."""
    cluster, misses = read_cluster(environment)
    if cluster.engine == "ray" or (cluster.engine == "auto" and environment.get("RAY_ADDRESS")):
        return RayEngine(limits, cluster), misses
    return LocalEngine(limits), misses
