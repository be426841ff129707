"""A real Ray cluster on this machine, in a process of its own: Ray prints and warns, and its processes must all end.

As a command it starts a head, then does what its standard input says, a line each, and ends with it.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


class RayCluster:
    """A cluster that was started; its nodes have one processor each."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self._process = process
        self.address = address

    def add(self) -> None:
        """Add a node."""
        self._do("add")

    def kill(self) -> None:
        """Kill the node that was added last, as a power cut would."""
        self._do("kill")

    def free(self) -> float:
        """Processors that nobody has asked for."""
        return float(self._do("free"))

    def actors(self) -> list[psutil.Process]:
        """The processes of the cluster's actors."""
        found = psutil.Process(self._process.pid).children(recursive=True)
        return [process for process in found if process.name().startswith("ray::Actor")]

    def _do(self, what: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return hear(self._process)


@contextlib.contextmanager
def start(port: int = 0, client: int = 0) -> Iterator[RayCluster]:
    """A cluster of one node, the head, until the block ends; with a port for ``ray://`` if ``client`` is one."""
    command = [sys.executable, str(Path(__file__)), str(port), str(client)]
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    environment.pop("RAY_ADDRESS", None)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        yield RayCluster(process, hear(process))
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def hear(process: subprocess.Popen[str]) -> str:
    """The answer to what was said last."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("= "):
            return line.removeprefix("= ").strip()
    raise RuntimeError("The cluster has ended.")


def main(port: int, client: int) -> None:
    """Hold a cluster until standard input ends; ``port`` 0 takes a free one, ``client`` 0 none."""
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100_000_000}
    ports = {"gcs_server_port": port, "ray_client_server_port": client}
    head = node | {"include_dashboard": False} | {name: number for name, number in ports.items() if number}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    print("=", cluster.address, flush=True)
    added = []
    for line in sys.stdin:
        answer: object = "done"
        if line.strip() == "add":
            added.append(cluster.add_node(**node))
        elif line.strip() == "kill":
            cluster.remove_node(added.pop(), allow_graceful=False)
        else:
            ray.init(cluster.address, log_to_driver=False)
            answer = ray.available_resources().get("CPU", 0.0)
            ray.shutdown()
        print("=", answer, flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
