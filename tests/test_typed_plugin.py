"""What is written against the public API can be checked by mypy --strict, and a misspelt name is an error there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from compressor.scaffolding.plugin_package import write_plugin

ROOT = Path(__file__).parent.parent
TRACKER = '''
from pathlib import Path

import compressor

api_version = compressor.API_VERSION


class Tripled(compressor.Metric):
    """A mean."""

    name = "tripled"

    class Params(compressor.Params):
        factor: float = 3.0

    params: Params

    def per_sample(self, batch: compressor.Batch) -> compressor.Arrays:
        return batch.outputs * self.params.factor


@compressor.hookimpl
def run_started(plan: compressor.Plan) -> None:
    print(plan.recipe.name, [step.uses for step in plan.stages])


@compressor.hookimpl
def step_finished(stage: compressor.StageRow) -> None:
    print(stage.id, stage.gzip_bytes + 1)


@compressor.hookimpl
def run_finished(report: compressor.Report) -> None:
    print(report.met, report.stages[-1].bytez)


def handle(error: compressor.StpError) -> None:
    compressor.to_litret


report, folder = compressor.apply(compressor.plan("prune_qat", seed=1))
folder.joinpath(report.recipe)
Path(report.stages)
'''


def test_plugins_pass_mypy_strict_and_misspelt_names_do_not(tmp_path):
    (readme,) = re.findall(r"```python\n([^`]*hookimpl.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (tmp_path / "readme_plugin.py").write_text(readme)
    (tmp_path / "tracker.py").write_text(TRACKER)
    example = ROOT / "tests" / "example_plugin" / "example_plugin" / "__init__.py"
    written = write_plugin("acme-filters", tmp_path / "acme")  # its tests are typed too, where they are run
    package = [path for path in written if path.suffix == ".py" and path.parent.name == "acme_filters"]
    files = [tmp_path / "readme_plugin.py", tmp_path / "tracker.py", example, *package]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--no-error-summary", *map(str, files)],
        cwd=ROOT,
        env={**os.environ, "MYPYPATH": str(tmp_path / "acme" / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [re.sub(r"^.*tracker\.py:\d+: ", "", line) for line in result.stdout.splitlines()]
    assert [line for line in said if not line.startswith('error: Return type "ndarray')] == [
        'error: "StageRow" has no attribute "bytez"; maybe "bytes"?  [attr-defined]',
        'error: Name "compressor.StpError" is not defined  [name-defined]',
        'error: Module has no attribute "to_litret"; maybe "to_litert"?  [attr-defined]',
        'error: Argument 1 to "Path" has incompatible type "list[StageRow]"; expected "str | PathLike[str]"  '
        "[arg-type]",
    ], result.stdout + result.stderr
    assert len(said) == 5
