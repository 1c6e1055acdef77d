"""Every call of the core into a plugin stands in a `with` block that names the plugin and puts back what it changed."""

import ast
import inspect
import os
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import compressor
from compressor.base.errors import PluginError, StepError
from compressor.base.plugin_errors import fenced
from compressor.contracts.kept_layers import KeepsLayers
from compressor.contracts.layer_sensitivity import SensitivityStrategy

CORE = Path(compressor.__file__).parent
FENCES = {"fenced", "running", "process_state_kept"}
CONTRACTS = (
    compressor.Strategy,
    compressor.Dataset,
    compressor.ModelSource,
    compressor.Metric,
    KeepsLayers,
    SensitivityStrategy,
)
METHODS = {
    name
    for contract in CONTRACTS
    for name, member in vars(contract).items()
    if (inspect.isfunction(member) or isinstance(member, classmethod)) and not name.startswith("_")
}
ELSEWHERE = {  # objects of the core, or of libraries, that have methods of these names
    "api.plan", "Resolver(recipe, registry).plan", "nested.plan", "self._runs.plan",
    "json.load", "np.load", "tf.saved_model.load", "tfds.load", "self._checkpoints.load", "pickle.load",
    "self._kept.load",
    "before.load", "teacher.load", "saved.load", "source.load", "after.load", "self.load",
    "optimizer.build", "metrics.build", "model.build", "recipes.load",
    "change.apply", "self.apply", "saved.custom_objects", "self.custom_objects",
}  # fmt: skip
WITHIN = {("measure/statistics.py", "metric.combine"), ("contracts/metric.py", "self.score")}  # called in `running`


def calls(path):
    """Each call of a method with such a name, and whether a fence is around it."""

    def visit(node, fence):
        if isinstance(node, ast.With):
            names = {getattr(call.func, "id", getattr(call.func, "attr", "")) for item in node.items
                     for call in ast.walk(item.context_expr) if isinstance(call, ast.Call)}  # fmt: skip
            fence = fence or bool(names & FENCES)
        if isinstance(node, ast.FunctionDef):
            fence = False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield ast.unparse(node.func), fence, node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, fence)

    yield from visit(ast.parse(path.read_text()), False)


def test_every_call_into_a_plugin_is_fenced():
    bare, fenced_calls = [], set()
    for path in sorted(CORE.rglob("*.py")):
        where = path.relative_to(CORE).as_posix()
        for call, fence, line in calls(path) if "plugin-template" not in where else ():  # which is a plugin
            if fence:
                fenced_calls.add(call)
            elif call not in ELSEWHERE and (where, call) not in WITHIN:
                bare.append(f"{where}:{line} {call}")
    assert bare == []
    assert {"step.strategy.plan", "step.strategy.apply", "dataset.load", "source.build"} <= fenced_calls
    assert {"configured.metric.per_sample", "step.strategy.custom_objects", "step.strategy.depends_on"} <= fenced_calls


def told():
    messages = []
    return messages, lambda text: messages.append(text)


@pytest.fixture
def unchanged():
    """Fails if a test leaves the process in another state than it found it in."""

    def state():
        filters = list(warnings.filters)
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        return os.getcwd(), environment, sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM), filters  # noqa: PTH109

    before = state()
    yield
    assert state() == before


def test_what_matters_to_results_is_put_back_and_told(tensorflow, unchanged, tmp_path):
    import tf_keras

    messages, tell = told()
    with pytest.raises(StepError), fenced("the step 'x' (x, acme 1.0)", StepError, tell=tell):
        os.chdir(tmp_path)
        os.environ.update({"PATH": "/nowhere", "ACME": "1"})
        tf_keras.mixed_precision.set_global_policy("mixed_float16")
        raise ValueError
    assert tf_keras.mixed_precision.global_policy().name == "float32"
    assert messages == [
        "the step 'x' (x, acme 1.0) changed the working directory and the environment (ACME, PATH) and the settings of "
        "Keras (precision, float type or data format), which was put back"
    ]


def test_what_matters_to_nobody_is_put_back_in_silence(tensorflow, unchanged):
    import locale

    random.seed(1)
    np.random.seed(1)
    drawn = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    name, (messages, tell) = locale.setlocale(locale.LC_ALL), told()
    with fenced("x", StepError, tell=tell):
        random.random()
        np.random.random(3)
        sys.setrecursionlimit(99_999)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        warnings.simplefilter("error")
        locale.setlocale(locale.LC_ALL, "C.UTF-8" if name == "C" else "C")
    assert (random.random(), np.random.random()) == drawn
    assert locale.setlocale(locale.LC_ALL) == name
    assert messages == []


def test_libraries_that_set_variables_when_they_are_imported_are_no_plugins_doing():
    code = (
        "import os\n"
        "from compressor.base.process_state import process_state_kept\n"
        "with process_state_kept(print):\n"
        "    import tensorflow_model_optimization\n"
        "print(os.environ['TF_USE_LEGACY_KERAS'])\n"
        "with process_state_kept(print):\n"
        "    os.environ['TF_USE_LEGACY_KERAS'] = '0'\n"
        "print(os.environ['TF_USE_LEGACY_KERAS'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1", "the environment (TF_USE_LEGACY_KERAS)", "1"], done.stderr


def test_a_child_process_of_a_plugin_may_end_by_itself():
    with fenced("x", StepError):
        child = os.fork()
        if child == 0:
            os._exit(7)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


def test_a_working_directory_that_is_gone_is_no_fault_of_the_tool(tmp_path):
    before = os.getcwd()  # noqa: PTH109
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    try:
        with fenced("x", StepError):
            os.chdir(tmp_path)
    finally:
        os.chdir(before)


def test_what_is_no_exception_is_an_error_of_the_plugin_too():
    class Stop(BaseException):
        pass

    with pytest.raises(PluginError) as caught, fenced("the hook 'x' of acme 1.0", PluginError):
        raise Stop("now")
    assert caught.value.what == "the hook 'x' of acme 1.0 failed with Stop: now"
    with pytest.raises(KeyboardInterrupt), fenced("the hook 'x' of acme 1.0", PluginError):
        raise KeyboardInterrupt


def test_what_fails_while_tensorflow_traces_it_is_told_in_its_own_words(tensorflow):
    """TensorFlow puts a page of its own code before them, which left no room for what was wrong."""
    import tf_keras

    class Odd(tf_keras.layers.Layer):
        def call(self, inputs):
            raise TypeError("no such shape")

    @tensorflow.function
    def traced(inputs):
        return layer(inputs)

    layer = Odd(name="mine")
    with pytest.raises(StepError) as caught, fenced("the step 'a'", StepError):
        traced(tensorflow.zeros([1, 2]))
    assert caught.value.what == (
        "the step 'a' failed with TypeError: Exception encountered when calling layer 'mine' (type Odd). "
        "TypeError: no such shape Call arguments received by layer 'mine' (type Odd): "
        "• inputs=tf.Tensor(shape=(1, 2), dtype=float32)"
    )
