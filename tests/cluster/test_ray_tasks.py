"""Tasks on a real Ray of one node: what is sent, what comes back, and what becomes of those that come to no end."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

WORK = """\
import os
import time
from pathlib import Path


def add(one, other):
    return one + other


def name_of_copy():
    import compressor

    return str(Path(compressor.__file__).parent), str(Path(__file__))


def crash():
    os._exit(3)


def sleep():
    time.sleep(60)


def bug():
    raise ValueError("it is broken")
"""
DRIVER = """\
import json
import sys
import tempfile
import time
from pathlib import Path

import my_work
from compressor.cluster.ray_connection import Demand, connected
from compressor.cluster.ray_errors import ClusterError
from compressor.cluster.shipped_code import gather
from compressor.cluster.task_reports import TaskReports
from compressor.cluster.task_set import TaskSet


def result(tasks):
    while (over := tasks.wait(1)) is None:
        pass
    return over


told = {}
with tempfile.TemporaryDirectory() as code:
    gather(Path(code), ["my_work", "json"])
    told["sent"] = sorted(path.name for path in Path(code).iterdir())
    with connected("ray", Path(code)) as cluster:
        told["cluster"] = [cluster.name, cluster.is_own, cluster.places(Demand(1)) >= 1]
        try:
            cluster.places(Demand(999, 0, 0))
        except ClusterError as error:
            told["too much"] = str(error)
        tasks = TaskSet(cluster, retries=0)
        one = Demand(1)
        tasks.begin(1, one, my_work.add, 2, 3)
        told["add"] = result(tasks)
        tasks.begin(2, one, my_work.name_of_copy)
        told["copy"] = result(tasks)
        tasks.begin(3, one, my_work.crash)
        told["crash"] = result(tasks)[1].reason
        tasks.begin(4, one, my_work.bug)
        try:
            result(tasks)
        except RuntimeError as error:
            told["bug"] = str(error)
        reports = TaskReports()
        reports.mailbox.tell.remote(7, "doing", "well")
        told["reports"] = reports.take_now()
        tasks.begin(5, one, my_work.sleep)
        tasks.begin(6, one, my_work.sleep)
        time.sleep(1)
        began = time.monotonic()
        told["cancelled"] = tasks.cancel()
        told["cancelling"] = time.monotonic() - began
        told["left"] = len(tasks)
print(json.dumps(told))
"""


def test_tasks_run_the_code_that_is_here_and_each_has_one_end(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/my_work.py").write_text(WORK)
    (tmp_path / "driver.py").write_text(DRIVER)
    environment = {**os.environ, "RAY_ADDRESS": "local", "PYTHONPATH": str(tmp_path / "lib")}
    command = [sys.executable, "driver.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["cluster"] == ["this machine", True, True]
    assert told["add"] == [1, 5]
    names = {"compressor", "compressor_plugins", "compressor_recipes", "my_work.py"}
    assert names <= set(told["sent"])
    assert [name for name in told["sent"] if name.endswith(".dist-info")] and "json" not in told["sent"]
    package, module = told["copy"][1]
    assert "working_dir_files" in package and "working_dir_files" in module  # and not the ones here
    assert told["crash"] == "the machine or the process that ran it was lost"
    assert told["bug"].startswith("a task on the cluster failed:") and "it is broken" in told["bug"]
    assert told["too much"].startswith("no machine of this machine has 999 CPUs; the largest has ")
    assert told["reports"] == [[7, "doing", "well"]]
    assert told["cancelled"] == [5, 6] and told["left"] == 0 and told["cancelling"] < 5
    until = time.monotonic() + 20
    while (left := list(Path("/proc").glob("[0-9]*/cwd/my_work.py"))) and time.monotonic() < until:
        time.sleep(0.2)
    assert not left
