"""Real Ray clusters of several nodes on this machine, each of which sees a disk of its own where it counts."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

MEGABYTES = 2**20


class Machines:
    """A cluster: a head, and nodes that do not see the folder of the test, and have folders of their own."""

    def __init__(self, folder, hidden):
        self._folder, self._hidden = folder, hidden
        self._nodes, self._session = [], None
        self.client_port = free_port()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def start_head(self, cpus):
        ports = [f"--port={self.port}", f"--ray-client-server-port={self.client_port}", "--include-dashboard=false"]
        return self._start([], ["--head", "--node-ip-address=127.0.0.1", *ports, f"--num-cpus={cpus}"], {})

    def add(self, cpus=1):
        """A node that has an empty folder where the test has its files, as a machine of its own would."""
        own = self._folder / f"node-{len(self._nodes)}"
        for name in ("tmp", "cache"):
            (own / name).mkdir(parents=True)
        # Ray unpacks code there, and one node would remove what another one imports from
        apart_too = f"{self._session}/runtime_resources"
        hide = f'mkdir -p "{apart_too}" && mount -t tmpfs none "{apart_too}" && mount -t tmpfs none "{self._hidden}"'
        apart = ["unshare", *([] if os.getuid() == 0 else ["-Ur"]), "-m", "sh", "-c", f'{hide} && exec "$@"', "sh"]
        where = {"TMPDIR": str(own / "tmp"), "COMPRESSOR_CACHE": str(own / "cache")}
        node = self._start(
            apart, [f"--address={self.address}", "--node-ip-address=127.0.0.1", f"--num-cpus={cpus}"], where
        )
        node.cache = own / "cache"
        return node

    def _start(self, before, arguments, environment):
        log = (self._folder / f"log-{len(self._nodes)}").open("w")
        command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", *arguments, "--block"]
        command += [f"--object-store-memory={100 * MEGABYTES}"]
        known = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", **environment}
        known.pop("RAY_ADDRESS", None)
        node = subprocess.Popen(command, stdout=log, stderr=log, env=known, cwd="/", start_new_session=True)
        self._nodes.append(node)
        self.wait_for(len([one for one in self._nodes if one.poll() is None]))
        return node

    def wait_for(self, count):
        script = (
            "import ray, sys, time; ray.init(sys.argv[1], logging_level='ERROR', log_to_driver=False)\n"
            "while sum(node['Alive'] for node in ray.nodes()) != int(sys.argv[2]): time.sleep(0.2)\n"
            "print(ray._private.worker.global_worker.node.get_session_dir_path())"
        )
        command = [sys.executable, "-c", script, self.address, str(count)]
        until = time.monotonic() + 120
        while (asked := subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)).returncode:
            assert time.monotonic() < until, "the cluster does not start"
            time.sleep(1)
        self._session = asked.stdout.strip().splitlines()[-1]

    def kill(self, node):
        """End all processes of a node at once, as when its power fails."""
        for number in [*descendants(node.pid), node.pid]:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        node.wait()

    def close(self):
        for node in reversed(self._nodes):
            self.kill(node)


def descendants(parent):
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines())
    found = [parent]
    for number in found:
        found += [one for one, above in parents.items() if above == number]
    return found[1:]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
