"""Imports the large libraries in a child process, where a library that crashes ends only the child."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

from compressor.base.text import shortened
from compressor.cli.installation_checks import Check

_LONGEST = 300  # seconds
_MODULES = {
    "tensorflow": "tensorflow",
    "tf_keras": "tf-keras",
    "tensorflow_model_optimization": "tensorflow-model-optimization",
    "ai_edge_litert.interpreter": "ai-edge-litert",
    "litert_quantizer": "litert-quantizer",
}
_CHILD = """
import importlib, json, sys, time

def say(**what):
    print(json.dumps(what), file=sys.__stdout__, flush=True)

for module in sys.argv[1:]:
    say(begins=module)
    began = time.perf_counter()
    try:
        importlib.import_module(module)
    except Exception as error:
        say(module=module, error=f"{type(error).__name__}: {error}")
    else:
        say(module=module, seconds=time.perf_counter() - began)
if "tensorflow" in sys.modules:
    say(gpus=[gpu.name for gpu in sys.modules["tensorflow"].config.list_physical_devices("GPU")])
"""


def deep_checks() -> Iterator[Check]:
    """Whether each library can be imported, and which GPUs TensorFlow sees; takes as long as TensorFlow to start."""
    command = [sys.executable, "-c", _CHILD, *_MODULES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST, check=False)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as error:
        output, code = (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else error.stdout or "", None
    begun = ""
    for line in output.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue  # what a library prints
        if "gpus" in said:
            gpus = ", ".join(said["gpus"])
            yield Check("import", "ok", f"TensorFlow sees {gpus or 'no GPU'}")
        elif "seconds" in said:
            begun = ""
            yield Check("import", "ok", f"{said['module']} in {said['seconds']:.1f} s")
        elif "error" in said:
            begun = ""
            what = f"{said['module']} cannot be imported ({shortened(said['error'], 300)})"
            yield Check("import", "problem", what, _reinstall(said["module"]))
        else:
            begun = said["begins"]
    if begun:
        how = f"took more than {_LONGEST} s" if code is None else f"ended the process ({_ending(code)})"
        yield Check("import", "problem", f"the import of {begun} {how}", _reinstall(begun))


def _reinstall(module: str) -> str:
    return f"python -m pip install --force-reinstall {_MODULES[module]}; its processor may lack what the library needs"


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
