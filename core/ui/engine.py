"""The engine of this server."""

import logging
import os
from functools import cache

from core.engine import Engine
from core.engine.local import LocalEngine
from core.engine.ray import RayEngine, read_cluster
from core.ui.limits import limits
from core.ui.metrics import Counted

log = logging.getLogger(__name__)


@cache
def engine() -> Counted:
    """Made once, as the environment asks; what it does is counted."""
    return Counted(_chosen())


def _chosen() -> Engine:
    cluster, misses = read_cluster(os.environ)
    for miss in misses:
        log.warning(miss)
    if cluster.engine == "ray" or (cluster.engine == "auto" and os.environ.get("RAY_ADDRESS")):
        return RayEngine(limits(), cluster)
    return LocalEngine(limits())
