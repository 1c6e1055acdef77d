"""The docs say what the code does: tables are generated from it, examples are run.

`python tests/test_docs.py --write` brings the generated parts up to date.
"""

import inspect
import re
import sys
from pathlib import Path
from typing import get_origin

import pytest

ROOT = Path(__file__).parent.parent
GENERATED = re.compile(r"(<!-- (\w+): generated [^>]*-->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def sections():
    from compressor.cli.strategies import parameters
    from compressor.data.operation import Choice
    from compressor.recipe.schema import Recipe

    def rows(model, prefix=""):
        for name, field in model.model_fields.items():
            key = f"{prefix}{field.alias or name}"
            listed = getattr(field.annotation, "__args__", (None,))[0]
            nested = field.annotation if hasattr(field.annotation, "model_fields") else listed
            if hasattr(nested, "model_fields") and not issubclass(nested, Choice):  # those have tables of their own
                yield from rows(nested, f"{key}{'[]' if get_origin(field.annotation) is list else ''}.")
            else:
                known = {row["name"]: row for row in parameters(model)}[field.alias or name]
                yield [f"`{key}`", known["type"], f"`{known['default']}`", known["meaning"]]

    extends = ["`extends`", "string", "`null`", "a recipe to start from: a path, or the name of one that ships"]
    return table(["key", "type", "default", "meaning"], [extends, *rows(Recipe)])


def report():
    from compressor.report import Report, StageRow

    parts = []
    for title, model in (("of the run", Report), ("of each stage", StageRow)):
        rows = [[f"`{name}`", field.description or ""] for name, field in model.model_fields.items()]
        parts.append(table([title, ""], rows))
    return "\n".join(parts)


def hooks():
    from compressor import hookspecs

    found = [f for _, f in inspect.getmembers(hookspecs, inspect.isfunction) if hasattr(f, "compressor_spec")]
    found.sort(key=lambda f: f.__code__.co_firstlineno)
    rows = [[f"`{f.__name__}({', '.join(inspect.signature(f).parameters)})`", inspect.getdoc(f)] for f in found]
    return table(["hook", "meaning"], rows)


def strategies():
    from compressor.cli.strategies import parameters
    from compressor.registry import Registry

    registry = Registry.installed()
    parts = []
    for name in registry.names("strategy"):
        entry = registry.get("strategy", name)
        if entry.provider.distribution != "compressor":
            continue
        rows = [[f"`{p['name']}`", p["type"], f"`{p['default']}`", p["meaning"]] for p in parameters(entry.cls.Params)]
        doc = inspect.getdoc(entry.cls)
        parts.append(f"### {name}\n\n{doc}\n\n" + table(["parameter", "type", "default", "meaning"], rows))
    return "\n".join(parts)


def _steps(entry):
    rows = []
    for name, field in entry.model_fields.items():
        step = field.annotation.__args__[0]
        keys = sorted(step.model_fields.items(), key=lambda item: (item[0] != step.main, item[0] == "only"))
        for key, own in keys:
            default = "required" if own.is_required() else f"`{own.default}`"
            first = f"`{name}`" if key == step.main else ""
            rows.append([first, f"`{key}`", default, own.description])
    return table(["step", "parameter", "default", "meaning"], rows)


def operations():
    from compressor.data.augment import AugmentStep
    from compressor.data.preprocess import PreprocessStep

    return f"`preprocess`:\n\n{_steps(PreprocessStep)}\n`augment`:\n\n{_steps(AugmentStep)}"


def sources():
    from compressor.cli.strategies import parameters
    from compressor.data.options import OPTIONS

    rows = [
        [kind, f"`{row['name']}`", row["type"], f"`{row['default']}`", row["meaning"]]
        for kind, options in OPTIONS.items()
        for row in parameters(options)
    ]
    return table(["kind", "`data.with`", "type", "default", "meaning"], rows)


def metrics():
    from compressor.registry import Registry

    registry = Registry.installed()
    rows = []
    for name in registry.names("metric"):
        entry = registry.get("metric", name)
        if entry.provider.distribution == "compressor":
            better, share = "higher" if entry.cls.higher_is_better else "lower", "yes" if entry.cls.share else ""
            rows.append([f"`{name}`", entry.summary, better, share, entry.cls.takes])
    return table(["metric", "what it is", "better", "share", "takes"], rows)


MAKERS = {
    "sections": sections,
    "report": report,
    "hooks": hooks,
    "strategies": strategies,
    "operations": operations,
    "sources": sources,
    "metrics": metrics,
}


def renewed(text):
    return GENERATED.sub(lambda match: f"{match[1]}\n{MAKERS[match[2]]()}\n{match[4]}", text)


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name)
def test_generated_parts_are_up_to_date(path):
    text = path.read_text()
    assert renewed(text) == text, "run: python tests/test_docs.py --write"


def test_every_command_is_in_the_readme():
    from compressor.cli import root

    text = (ROOT / "README.md").read_text()
    for name in root.list_commands(None):
        assert f"compressor {name}" in text


def recipes_in(text):
    return [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if block.startswith("version: 1")]


def test_the_recipe_in_the_readme_is_valid(tmp_path):
    import compressor

    found = recipes_in((ROOT / "README.md").read_text())
    assert found
    for block in found:
        path = tmp_path / "readme.yaml"
        path.write_text(block)
        assert compressor.plan(path).steps


def test_the_plugin_in_the_readme_works(tmp_path):
    import compressor

    text = (ROOT / "README.md").read_text()
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "hookimpl" in block]
    assert len(code.splitlines()) <= 25
    (tmp_path / "my_strategy.py").write_text(code)
    (tmp_path / "recipe.yaml").write_text(
        "extends: baseline\nplugins: [./my_strategy.py]\nsteps:\n  - uses: round_weights\n    with: {bits: 4}\n"
    )
    report, _ = compressor.apply(tmp_path / "recipe.yaml", output=tmp_path / "out", smoke=True)
    assert report.stages[-1].unique <= 16


def test_links_between_the_docs_lead_somewhere():
    for path in (ROOT / "README.md", *ROOT.glob("docs/*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


if __name__ == "__main__" and "--write" in sys.argv:
    for path in ROOT.glob("docs/*.md"):
        path.write_text(renewed(path.read_text()))
