"""What a recipe's `runtime` cannot do is refused while it is planned, without TensorFlow."""

import subprocess
import sys

import pytest

from compressor.planning.planner import prepare
from compressor.recipe.problems import RecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


@pytest.fixture
def refused(tmp_path):
    def refuse(text):
        path = tmp_path / "r.yaml"
        path.write_text(HEAD + text)
        with pytest.raises(RecipeError) as error:
            prepare(path)
        return [f"{problem.origin.line}:{problem.origin.column} {problem.message}" for problem in error.value.problems]

    return refuse


def test_fake_quantization_is_refused_in_bfloat16_by_the_name_of_each_step(refused):
    remedy = "which computes in float32 alone; remove 'mixed_precision', or leave quantization to 'ptq'"
    text = "runtime: {mixed_precision: bfloat16}\nsteps: [{uses: prune}, {uses: qat}, {uses: distill}, {uses: ptq}]\n"
    assert refused(text) == [
        f"4:28 'distill' trains with fake quantization, {remedy}",
        f"4:28 'qat' trains with fake quantization, {remedy}",
    ]


def test_a_batch_that_the_devices_cannot_share_is_refused(refused):
    text = "runtime: {distribute: mirrored, devices: 8}\ntraining: {batch_size: 8}\nsteps: [{uses: prune, with: "
    assert refused(text + "{batch_size: 4}}]\n") == [
        "4:42 'prune' trains on batches of 4, which 8 devices cannot share; raise 'batch_size' to 8 or more, or lower "
        "'devices'"
    ]


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("{devices: 2}", "'devices' goes with 'distribute: mirrored'; add that, or remove 'devices'"),
        ("{distribute: multi_worker, devices: 2}", "with 'multi_worker' each machine takes part with all its GPUs"),
        ("{distribute: mirored}", "'mirrored'"),
        ("{mixed_precision: float16}", "'bfloat16'"),
    ],
)
def test_wrong_values_are_refused(runtime, message, refused):
    (problem,) = refused(f"runtime: {runtime}\n")
    assert message in problem


@pytest.mark.parametrize(
    ("runtime", "workers", "shown_as"),
    [
        ("{distribute: mirrored, devices: 2}", "", "2 logical CPU devices"),
        ("{distribute: multi_worker}", "", "the workers that TF_CONFIG names, which is not set here"),
        ("{distribute: multi_worker}", '["a:1", "b:1", "c:1"]', "3 workers, each with its processor"),
    ],
)
def test_the_plan_shows_the_devices_and_needs_no_tensorflow(runtime, workers, shown_as, tmp_path, monkeypatch):
    (tmp_path / "r.yaml").write_text(HEAD + f"runtime: {runtime}\nsteps: [{{uses: prune}}]\n")
    task = '"task": {"type": "worker", "index": 0}'
    monkeypatch.setenv("TF_CONFIG", workers and f'{{"cluster": {{"worker": {workers}}}, {task}}}')
    code = (
        "import sys\nfrom compressor.cli.commands.plan import command\n"
        f"command.main([{str(tmp_path / 'r.yaml')!r}], standalone_mode=False)\n"
        "assert 'tensorflow' not in sys.modules"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert f" trains on {shown_as}\n" in shown
