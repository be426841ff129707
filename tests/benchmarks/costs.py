"""What a step costs as nets grow wider and more of them train at once: ``python tests/benchmarks/costs.py``.

Compiled steps of chapter 1's net with one hidden layer, ten points, full batch, Adam; the best of three rounds that
alternate between all sizes. Times are of one step of all nets together.
"""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from core.contenders import CHUNK, Net, Take, compiled

WIDTHS = (4, 8, 16, 32, 64, 128)
REPLICAS = (1, 4, 8, 16, 32)
BASE = (32, 16)
"""The default of the lab."""
ROUNDS = 3
SECONDS = 0.5


def microseconds(take: Take, replicas: int) -> float:
    """Of one step of all nets, over at least :data:`SECONDS`."""
    begun, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begun) < SECONDS:
        steps += take() // replicas
    return 1e6 * elapsed / steps


def main() -> None:
    """Measure, and print one JSON object: by width with the default's replicas, and by replicas at its width."""
    sizes = sorted({(width, BASE[1]) for width in WIDTHS} | {(BASE[0], replicas) for replicas in REPLICAS})
    takes = {size: compiled(size[1])(Net(size[0], 1, 10)) for size in sizes}
    best: dict[tuple[int, int], float] = {}
    for size in sizes:
        takes[size]()  # Compiles.
    for _ in range(ROUNDS):
        for size in sizes:
            best[size] = min(microseconds(takes[size], size[1]), best.get(size, float("inf")))
    by_width = {width: round(best[width, BASE[1]], 2) for width in WIDTHS}
    by_replicas = {replicas: round(best[BASE[0], replicas], 2) for replicas in REPLICAS}
    print(json.dumps({"steps_a_call": CHUNK, "us_by_width": by_width, "us_by_replicas": by_replicas}, indent=2))


if __name__ == "__main__":
    main()
