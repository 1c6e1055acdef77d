"""Tables at every width of a terminal: whole columns are left out, and no figure is ever cut."""

import io
import re

import pytest

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
        for width in WIDTHS:
            lines = printed(lambda console: make(made, "accuracy", console), width)  # noqa: B023
            assert max(map(len, lines)) <= width
            rows = [line for line in lines if not set(line) <= {"─", " "}]
            parts = {word for word in words(rows) - known if not any(word in name for name in names)}
            assert parts == set(), f"at {width} columns"
            heading = rows[0].split()
            assert heading[0] == "stage"
            assert {"size", "accuracy"} & set(heading)


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
        assert words(line for line in lines if "─" not in line) <= known
