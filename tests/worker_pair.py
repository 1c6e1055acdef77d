"""Two processes on this machine that share trainings, as two machines would."""

import json
import os
import socket
import subprocess
import sys


def free_addresses():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def config(addresses, index):
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


class Worker:
    """A worker that runs `compressor apply`, in a folder."""

    def __init__(self, folder, addresses, index, *options, recipe="shared.yaml", wait="300"):
        self.said = folder / f"said-{index}.txt"
        self.output = folder / f"out-{index}"
        command = [sys.executable, "-m", "compressor", "apply", recipe, "-o", str(self.output), *options]
        kept = {"COMPRESSOR_CACHE": str(folder / f"cache-{index}"), "COMPRESSOR_WORKER_WAIT": wait}
        with self.said.open("w") as stream:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=stream, stderr=stream,
                env={**os.environ, **kept, "TF_CONFIG": config(addresses, index)},
            )  # fmt: skip

    @property
    def text(self):
        return self.said.read_text()

    def child(self):
        """The process that computes."""
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout)

    def end(self):
        return self.process.wait(900)
