"""``bench``: how fast nets train here, beside what else trains such nets."""

import importlib.metadata
import os
import platform
from argparse import Namespace
from typing import Any

from core import bench
from core.cli.output import progress, write, write_json, write_table
from core.contenders import CONTENDERS


def show(arguments: Namespace) -> int:
    """Measure every installed contender and print tables with ratios."""
    with progress("Starting", "turns") as advance:
        speeds = bench.measure(arguments.rounds, arguments.seconds, advance)
    absent = [contender.title for contender in CONTENDERS.values() if not contender.installed]
    if arguments.json:
        nets = [
            {"net": net.title, "rows": bench.rows(found), "goals": bench.goals(found)} for net, found in speeds.items()
        ]
        write_json({"machine": machine(), "nets": nets, "not_installed": absent})
        return 0
    for net, found in speeds.items():
        columns = {"How": False, "Nets": True, "Net-steps/s": True} | {
            f"× {base}": True for base in bench.BASES.values()
        }
        rows = [
            (
                row["how"],
                row["nets"],
                f"{row['net_steps_per_second']:,.0f}",
                *(f"{row['ratios'][base]:,.3g}" if base in row["ratios"] else "–" for base in bench.BASES.values()),
            )
            for row in bench.rows(found)
        ]
        write_table(columns, rows, f"{net.title}, ReLU, Adam, full batch")
        for goal in bench.goals(found):
            verdict = "met" if goal["met"] else "missed"
            wanted = f"{goal['how']}, {goal['nets']} at once: {goal['ratio']:,.3g} × {goal['against']}"
            write(f"{wanted} (goal: {goal['goal']:g}, {verdict}).")
        write("")
    if absent:
        write(f"Not installed: {', '.join(absent)}.")
    write(", ".join(f"{name} {value}" for name, value in machine().items()) + ".")
    return 0


def machine() -> dict[str, Any]:
    """What the speeds were measured on and with."""
    versions = {}
    for package in ("tensorflow", "keras", "numpy", "torch", "jax"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"cores": os.cpu_count(), "processor": platform.machine(), "Python": platform.python_version(), **versions}
