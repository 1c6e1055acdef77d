"""Tables at every width of a terminal: whole columns are left out, and no figure is ever cut."""

import io
import re

import pytest
from shown_tables import parted

from compressor.report.screen import Screen
from compressor.report.seeds import SeedRow
from compressor.report.terminal import metric_table, print_seeds, stage_table

WIDTHS = range(40, 201)


@pytest.fixture(scope="module")
def report(registry, tmp_path_factory):
    """A real report, with two stages whose figures are given: what is widest and what is most frequent."""
    import compressor

    recipe = {
        "version": 1,
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": [{"uses": "ptq"}],
    }
    folder = tmp_path_factory.mktemp("widths")
    made, _ = compressor.apply(recipe, output=folder / "run", smoke=True, cache=folder / "cache")

    def stages(ids, **changes):
        rows = [stage.model_copy(update={"id": id_, **changes}) for stage, id_ in zip(made.stages, ids, strict=True)]
        return made.model_copy(update={"stages": rows})

    return stages


def printed(table, width):
    console = Screen(file=io.StringIO(), width=width)
    console.print(table if not callable(table) else table(console))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(lines):
    return set(re.findall(r"\S+", " ".join(lines)))


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": ["baseline", "ptq"]},
        {"ids": ["baseline", "ptq"], "bytes": 999_900_000, "gzip_bytes": 123_400_000, "latency_p50": 0.9999},
        {"ids": ["baseline", "quantize-the-whole-model-after-training-it-for-a-while"]},
    ],
    ids=["usual", "large", "long name"],
)
def test_figures_of_stages_are_whole_at_every_width(report, changes):
    made = report(**changes)
    names = [stage.id for stage in made.stages]
    for make in (stage_table, metric_table):
        widest = printed(lambda console: make(made, "accuracy", console), 400)  # noqa: B023
        known = words(widest)
        headings = [heading for heading in re.split(r"\s{2,}", widest[0].strip()) if heading]
        for width in WIDTHS:
            lines = printed(lambda console: make(made, "accuracy", console), width)  # noqa: B023
            assert max(map(len, lines)) <= width
            lines, left_out = parted(lines)
            rows = [line for line in lines if not set(line) <= {"─", " "}]
            parts = {word for word in words(rows) - known if not any(word in name for name in names)}
            assert parts == set(), f"at {width} columns"
            heading = rows[0].split()
            assert heading[0] == "stage"
            assert {"size", "accuracy"} & set(heading)
            for name in headings:
                assert (name in rows[0]) != (name in left_out), f"{name} at {width} columns"


def test_wider_terminals_never_show_less(report):
    counts = []
    for width in WIDTHS:
        lines = printed(lambda console: stage_table(report(["baseline", "ptq"]), "accuracy", console), width)
        counts.append(len(re.split(r"\s{2,}", lines[2])))
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_figures_over_seeds_are_whole_at_every_width():
    row = {"metric": "accuracy", "share": True, "mean": 0.98765, "deviation": 0.0123, "change": -0.0123}
    row |= {"half_width": 0.0456, "beyond_noise": True, "bytes": 999_900_000, "gzip_bytes": 123_400_000}
    rows = [SeedRow(id=id_, **row) for id_ in ("baseline", "quantize")]

    def at(width):
        console = Screen(file=io.StringIO(), width=width)
        print_seeds(rows, 3, console)
        return console.file.getvalue().splitlines()

    known = words(at(400))
    for width in WIDTHS:
        lines = at(width)
        assert max(map(len, lines)) <= width
        assert words(line for line in parted(lines)[0] if "─" not in line) <= known


def at_every_width(show, names=("",)):
    """Hold what is shown at each width against what is shown where there is room: the same words, in lines that fit."""
    known = words(printed_by(show, 1000))
    for width in WIDTHS:
        lines = printed_by(show, width)
        assert max(map(len, lines)) <= max(width, *map(len, names))
        lines, _ = parted(lines)
        assert not any("…" in line for line in lines)
        parts = {word for word in words(line for line in lines if "─" not in line) - known if word[:-1] not in known}
        assert {word for word in parts if not any(word in name for name in names)} == set(), f"at {width} columns"


def printed_by(show, width):
    screen = Screen(file=io.StringIO(), width=width)
    show(screen)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


def test_no_word_of_the_list_of_strategies_is_cut_at_any_width(registry):
    from compressor.cli.commands.strategies import _strategies

    rows = [[entry.cls.name, entry.summary, str(entry.provider)] for entry in _strategies(registry)]
    headings = [("strategy", "left"), ("what it does", "left"), ("from", "left")]
    at_every_width(lambda screen: screen.print(screen.table(headings, rows)))
    for width in (40, 80, 200):
        text = " ".join(
            " ".join(printed_by(lambda screen: screen.print(screen.table(headings, rows[:1])), width)).split()
        )
        for word in rows[0][1].split():
            assert word in text


def test_no_default_of_a_parameter_is_cut_at_any_width(registry):
    from compressor.cli.commands.strategies import parameters

    rows = [list(parameter.values()) for parameter in parameters(registry.get("strategy", "ptq").cls.Params)]
    headings = [(key, "left") for key in ("name", "type", "default", "meaning")]
    at_every_width(lambda screen: screen.print(screen.table(headings, rows)))


def test_figures_of_layers_and_their_sensitivity_are_whole_at_every_width():
    from compressor.cli.commands.sensitivity import _table
    from compressor.contracts.layer_sensitivity import LayerSensitivity

    name, types = "backbone/block_13_expand_with_a_long_name/Conv2D", ("int8", "int4", "int2")
    layer = LayerSensitivity(name, "DepthwiseConv2D", 1_234_567, dict.fromkeys(types, 3), dict.fromkeys(types, 12.3456))

    def show(screen):
        screen.print(_table([layer], types, screen))

    at_every_width(show, names=[name, "█" * 12])


def test_what_is_in_a_file_is_whole_at_every_width():
    from inspected import contents_of_mixed_file

    from compressor.inspecting import content_tables
    from compressor.inspecting.content_texts import memory_title

    contents = contents_of_mixed_file("backbone/block_13_expand_with_a_long_name/")
    names = [tensor.name for tensor in contents.tensors]
    ends = [end.name for signature in contents.signatures for end in (*signature.inputs, *signature.outputs)]
    titles = [memory_title(operator) for operator in contents.arena.operators]
    at_every_width(lambda screen: content_tables.print_tensors(contents.tensors, screen), names)
    at_every_width(lambda screen: content_tables.print_signatures(contents.signatures, screen), ends)
    at_every_width(lambda screen: content_tables.print_arena(contents.arena, True, screen), titles)


def test_the_columns_that_are_left_out_are_named_with_a_place_where_they_are():
    def show(screen):
        headings = [("name", "left"), ("size", "right"), ("change", "right"), ("", "right")]
        rows = [["a", "1", "+2 %", "within noise"]]
        choices = [range(4), [0, 1, 2], [0, 1]]
        screen.print(screen.table(headings, rows, choices, elsewhere="report.html"))

    lines = printed_by(show, 18)
    assert lines[0].split() == ["name", "size"]
    assert " ".join(" ".join(lines[3:]).split()) == (
        "not shown here: change, verdict on change; a wider terminal has room for them, and report.html has them"
    )
    assert "not shown" not in " ".join(printed_by(show, 80))


def test_lines_of_plan_and_of_the_cache_are_never_broken(capsys, monkeypatch):
    from compressor.cli import root
    from compressor.cli.boundary import run_guarded

    for command in (["plan", "prune_qat"], ["cache", "list"]):
        shown = []
        for columns in ("40", "200"):
            monkeypatch.setenv("COLUMNS", columns)
            assert run_guarded(root, command) == 0
            shown.append(capsys.readouterr().out)
        assert shown[0] == shown[1] != ""
