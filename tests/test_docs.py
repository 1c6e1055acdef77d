"""The docs say what the code does: tables are generated from it, examples are run.

`python tests/test_docs.py --write` brings the generated parts up to date.
"""

import inspect
import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import get_origin

import pytest

ROOT = Path(__file__).parent.parent
_CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
GENERATED = re.compile(r"(<!-- (\w+): generated [^>]*-->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def sections():
    from compressor.cli.commands.strategies import parameters
    from compressor.data.declared_step import Choice
    from compressor.recipe.sections import Recipe

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
    from compressor.report.report_model import FullReport, FullStageRow

    parts = []
    for title, model in (("of the run", FullReport), ("of each stage", FullStageRow)):
        rows = [[f"`{name}`", field.description or ""] for name, field in model.model_fields.items()]
        parts.append(table([title, ""], rows))
    return "\n".join(parts)


def quantities():
    from compressor.comparing.quantities import QUANTITIES

    units = {"bytes": "bytes", "seconds": "seconds", "share": "share", "count": "number", "number": "number"}
    rows = [[f"`{quantity.name}`", units[quantity.kind], quantity.meaning] for quantity in QUANTITIES]
    return table(["figure", "counted in", "meaning"], rows)


def devices():
    from compressor.base.sizes import format_size
    from compressor.devices.profile_files import device_in, shipped_files

    rows = []
    for path in shipped_files().values():
        device = device_in(path, shipped_files())
        profile = device.profile
        sizes = [format_size(figure.bytes) if figure else "-" for figure in (profile.flash, profile.ram)]
        rows.append([f"`{device.name}`", profile.description, *sizes, "yes" if device.float_runs else "no",
                     f"`{profile.kernels}`", f"`{profile.fallback}`"])  # fmt: skip
    return table(["device", "what it is", "flash", "RAM", "float runs", "kernels", "the rest"], rows)


def profiles():
    from compressor.contracts.device_profile import DeviceProfile

    fields = DeviceProfile.model_fields.items()
    extends = ["`extends`", "a profile to start from: its name, or the path of its file"]
    return table(["key", "meaning"], [extends, *([f"`{f.alias or name}`", f.description] for name, f in fields)])


def events():
    from compressor.report.log_events import EVENTS

    return table(["event", "meaning"], [[f"`{name}`", meaning] for name, meaning in EVENTS.items()])


def log_keys():
    from compressor.report.log_events import LogEvent

    return table(
        ["key", "meaning"], [[f"`{name}`", field.description] for name, field in LogEvent.model_fields.items()]
    )


def hooks():
    from compressor.contracts import hookspecs

    found = [f for _, f in inspect.getmembers(hookspecs, inspect.isfunction) if hasattr(f, "compressor_spec")]
    found.sort(key=lambda f: f.__code__.co_firstlineno)
    rows = [[f"`{f.__name__}({', '.join(inspect.signature(f).parameters)})`", inspect.getdoc(f)] for f in found]
    return table(["hook", "meaning"], rows)


def _first_party():
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    entries = [registry.get("strategy", name) for name in registry.names("strategy")]
    return [entry for entry in entries if entry.provider.distribution == "compressor"]


def strategies():
    rows = [[f"[{entry.cls.name}](strategies/{entry.cls.name}.md)", entry.summary] for entry in _first_party()]
    return table(["strategy", "what it does"], rows)


def strategy_page(entry):
    from compressor.cli.commands.strategies import parameters
    from compressor.recipe import shipped

    name = entry.cls.name
    rows = [[f"`{p['name']}`", p["type"], f"`{p['default']}`", p["meaning"]] for p in parameters(entry.cls.Params)]
    recipe = (shipped.folder() / f"{name}.yaml").read_text()
    parts = [
        f"<!-- generated by tests/test_docs.py --write, from the class and its recipe -->\n# {name}",
        inspect.getdoc(entry.cls),
        inspect.getdoc(entry.cls.plan),
        "## Parameters",
        table(["parameter", "type", "default", "meaning"], rows).rstrip(),
        "## A worked recipe",
        f"`compressor apply {name}` runs it.",
        f"```yaml\n{recipe}```",
    ]
    return "\n\n".join(parts) + "\n"


def schema_file():
    """The schema that the first line of every shipped recipe names, with the parameters of first-party plugins."""
    from compressor.base.outgoing import json_text
    from compressor.planning.json_schema import recipe_schema
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    for entries in registry.entries.values():
        for name, found in [*entries.items()]:
            if found[0].provider.distribution != "compressor":
                del entries[name]
    return json_text(recipe_schema(registry)) + "\n"


def report_schema_file():
    from compressor.base.outgoing import json_text
    from compressor.report.report_model import report_schema

    return json_text(report_schema()) + "\n"


def contents_schema_file():
    from compressor.base.outgoing import json_text
    from compressor.inspecting.content_rows import contents_schema

    return json_text(contents_schema()) + "\n"


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
    from compressor.data.kinds import kinds

    rows = []
    for kind in kinds():
        needs = f" Needs `pip install {kind.library.distribution}`." if kind.library else ""
        rows.append([kind.example, " ".join(inspect.getdoc(type(kind)).split()) + needs, kind.told_apart])
    returns = (
        "`compressor.Splits`, `((x, y), (x, y))`, a dict of arrays, or a `tf.data.Dataset`, a Keras `PyDataset` or a "
        "function that yields batches, for each split."
    )
    function = ["`my.module:data`", f"A function that returns {returns}", "train, (validation,) test"]
    return table(["source", "what is there", "splits"], [*rows, function])


def options():
    from compressor.cli.commands.strategies import parameters
    from compressor.data.kinds import kinds

    rows = [
        [kind.name, f"`{row['name']}`", row["type"], f"`{row['default']}`", row["meaning"]]
        for kind in kinds()
        for row in parameters(kind.Options)
    ]
    return table(["kind", "`data.with`", "type", "default", "meaning"], rows)


def checks():
    from compressor.testing import all_checks
    from compressor.testing.check_record import EVERY_KIND

    rows = []
    for check in all_checks():
        kinds = "all" if check.kinds == EVERY_KIND else ", ".join(check.kinds)
        kinds += " that train" if check.trains_only else ""
        rows.append([f"`{check.name}`", kinds, f"{check.what}.", f"{check.remedy[0].upper()}{check.remedy[1:]}."])
    return table(["check", "of", "what it checks", "if it fails"], rows)


def metrics():
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    rows = []
    for name in registry.names("metric"):
        entry = registry.get("metric", name)
        if entry.provider.distribution == "compressor":
            better, share = "higher" if entry.cls.higher_is_better else "lower", "yes" if entry.cls.share else ""
            rows.append([f"`{name}`", entry.summary, better, share, entry.cls.takes])
    return table(["metric", "what it is", "better", "share", "takes"], rows)


def _room_table(contract, root, folder):
    layers = next(one["layers"] for one in _CONTRACTS if one["name"] == contract)
    names = [name.strip() for layer in reversed(layers) for name in layer.split("|")]
    rooms = [name for name in names if (folder / name / "__init__.py").exists()]
    rows = []
    for room in rooms:
        for path in sorted((folder / room).rglob("__init__.py")):
            name = path.parent.relative_to(folder).as_posix()
            if name != "datasets/data" and "plugin-template" not in name:
                text = inspect.getdoc(import_module(f"{root}.{name.replace('/', '.')}")).partition("\n\n")[0]
                rows.append([f"`{name}/`", " ".join(text.split())])
    return table(["room", "holds"], rows)


def rooms():
    return _room_table("Rooms of the core import downwards only", "compressor", ROOT / "compressor")


def families():
    import compressor
    from compressor.recipe import shipped

    rows = []
    for path in sorted((shipped.folder() / "families").glob("*.yaml")):
        comments = [line.removeprefix("# ") for line in path.read_text().splitlines() if line.startswith("# ")]
        recipe = compressor.load(path)
        rows.append([f"`{path.stem}`", comments[1], ", ".join(f"`{step.uses}`" for step in recipe.steps)])
    return table(["family", "what it is for", "steps"], rows)


def techniques():
    folder = ROOT / "plugins" / "compressor_plugins"
    return _room_table("A technique imports no other technique", "compressor_plugins", folder)


def api():
    import public_surface

    parts = []
    for module, names in public_surface.public_names().items():
        rows = []
        for name in sorted(names, key=str.lower):
            value = getattr(import_module(module), name)
            described = callable(value) and getattr(value, "__module__", "").startswith("compressor")
            text = (inspect.getdoc(value) or "").partition("\n\n")[0] if described else ""
            arguments = public_surface.signature(value) if inspect.isfunction(value) else ""
            rows.append([f"`{name}{arguments}`", " ".join(text.split())])
            if (inspect.isclass(value) and module != "compressor") or name in _MEMBERS_IN_FULL:
                members = public_surface.members(value).items()
                rows += [[f"`{name}.{member}{rest}`", ""] for member, rest in members if member != "__init__"]
        parts.append(f"## {module}\n\n{table(['name', 'what it is'], rows)}")
    return "\n".join(parts)


_MEMBERS_IN_FULL = ("Session",)  # of no module that plugins see


MAKERS = {
    "api": api,
    "checks": checks,
    "rooms": rooms,
    "techniques": techniques,
    "families": families,
    "sections": sections,
    "report": report,
    "quantities": quantities,
    "devices": devices,
    "profiles": profiles,
    "events": events,
    "log_keys": log_keys,
    "hooks": hooks,
    "strategies": strategies,
    "operations": operations,
    "sources": sources,
    "options": options,
    "metrics": metrics,
}


def renewed(text):
    return GENERATED.sub(lambda match: f"{match[1]}\n{MAKERS[match[2]]()}\n{match[4]}", text)


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/*.md")), ids=lambda path: path.name)
def test_generated_parts_are_up_to_date(path):
    text = path.read_text()
    assert renewed(text) == text, "run: python tests/test_docs.py --write"


def test_every_strategy_has_a_page_that_is_up_to_date():
    pages = {path.stem: path.read_text() for path in ROOT.glob("docs/strategies/*.md")}
    assert pages == {entry.cls.name: strategy_page(entry) for entry in _first_party()}, (
        "run: python tests/test_docs.py --write"
    )


def test_the_schema_beside_the_shipped_recipes_is_up_to_date():
    assert (ROOT / "recipes" / "recipe.schema.json").read_text() == schema_file(), (
        "run: python tests/test_docs.py --write"
    )


def test_the_schema_of_reports_in_the_docs_is_up_to_date():
    assert (ROOT / "docs" / "report.schema.json").read_text() == report_schema_file(), (
        "run: python tests/test_docs.py --write"
    )


def test_every_shipped_recipe_names_the_schema():
    for path in ROOT.glob("recipes/*.yaml"):
        assert path.read_text().startswith("# yaml-language-server: $schema=recipe.schema.json\n"), path.name


def test_every_strategy_s_recipe_uses_it():
    import compressor

    for entry in _first_party():
        assert entry.cls.name in [step.uses for step in compressor.plan(entry.cls.name).steps]


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
    assert len(code.splitlines()) <= 26
    (tmp_path / "my_strategy.py").write_text(code)
    (tmp_path / "recipe.yaml").write_text(
        "extends: baseline\nplugins: [./my_strategy.py]\nsteps:\n  - uses: round_weights\n    with: {bits: 4}\n"
    )
    report, _ = compressor.apply(tmp_path / "recipe.yaml", output=tmp_path / "out", smoke=True)
    assert report.stages[-1].unique <= 16


def test_the_schema_of_inspected_files_in_the_docs_is_up_to_date():
    assert (ROOT / "docs" / "inspect.schema.json").read_text() == contents_schema_file(), (
        "run: python tests/test_docs.py --write"
    )


def test_links_between_the_docs_lead_somewhere():
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


if __name__ == "__main__" and "--write" in sys.argv:
    for path in ROOT.glob("docs/*.md"):
        path.write_text(renewed(path.read_text()))
    (ROOT / "recipes" / "recipe.schema.json").write_text(schema_file())
    (ROOT / "docs" / "report.schema.json").write_text(report_schema_file())
    (ROOT / "docs" / "inspect.schema.json").write_text(contents_schema_file())
    (ROOT / "docs" / "strategies").mkdir(exist_ok=True)
    for entry in _first_party():
        (ROOT / "docs" / "strategies" / f"{entry.cls.name}.md").write_text(strategy_page(entry))
