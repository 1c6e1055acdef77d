"""A model card is one that the Hub reads, with the figures of the report, and its code runs."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from huggingface_hub import ModelCard
from made_reports import hostile_report, made_report

from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.planning.registry import Registry
from compressor.report.data_formats import render_json
from compressor.report.figures import metric_text
from compressor.report.model_card import render_card
from compressor.report.papers import Paper, papers_in, papers_of


def test_the_front_matter_is_what_the_hub_reads_and_has_the_figures_of_the_report():
    report = made_report()
    card = ModelCard(render_card(report, licence="apache-2.0"))
    data = card.data
    assert (data.license, data.library_name, data.datasets) == ("apache-2.0", "tflite", ["mnist"])
    assert data.tags == ["tflite", "litert", "model-compression", "compressor", "train", "prune", "ptq"]
    (result,) = data.eval_results
    assert (data.model_name, result.task_type, result.dataset_type) == ("made", "image-classification", "mnist")
    metric = report.stages[-1].metrics["accuracy"]
    assert (result.metric_type, result.metric_value) == ("accuracy", metric.value)
    assert result.metric_name == "accuracy (95 % interval 0.976 to 0.9812)"


def test_the_text_has_sections_for_all_that_a_reader_asks():
    report = made_report()
    text = ModelCard(render_card(report, papers_of(["prune"], Registry.installed()))).text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "What it is", "How it was made", "Size and accuracy", "Limits and known notes", "How to use it",
        "How to reproduce it", "Citation",
    ]  # fmt: skip
    for stage in report.stages:
        assert metric_text(stage.metrics["accuracy"]) in text
    assert "| accuracy | 0.9787 | 0.976 to 0.9812 | -0.37 pt | worse |" in text
    assert "- max_gzip_size was missed: 7.0 kB, and is 7.3 kB." in text
    assert "- prune: left alone: conv (it is excepted)" in text
    assert "```yaml\nversion: 1\nname: made\n```" in text
    assert "compressor apply recipe.yaml --seed 0 --locked lock.yaml" in text
    assert "  title         = {{The Lottery Ticket Hypothesis}}," in text


def test_without_a_license_and_of_a_smoke_run_the_fields_are_left_out():
    data = ModelCard(render_card(made_report(smoke=True, data="digits.npz"))).data.to_dict()
    assert sorted(data) == ["library_name", "tags"]
    assert "**Smoke run: a few samples and steps, so the figures mean nothing.**" in render_card(
        made_report(smoke=True)
    )


def test_names_from_elsewhere_are_no_markup_and_do_not_end_a_block():
    card = render_card(hostile_report())
    assert ModelCard(card).data.library_name == "tflite"
    outside = re.sub(
        r"^(`{3,})\w*\n.*?^\1$|`[^`\n]+`", "", card.partition("\n---\n")[2], flags=re.DOTALL | re.MULTILINE
    )
    assert "<img" not in outside
    assert "\u202e" not in card
    ticks = render_card(made_report(resolved_recipe="name: made\n```\n# out\n"))
    assert "````yaml\nname: made\n```\n# out\n````" in ticks


def test_the_code_of_the_card_runs_the_file(smoke_run, tmp_path):
    report, folder = smoke_run
    (code,) = re.findall(r"^```python\n(.*?)^```$", render_card(report), re.DOTALL | re.MULTILINE)
    (tmp_path / "use.py").write_text(code)
    shutil.copy(folder / "model.tflite", tmp_path)
    done = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    values = [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", done.stdout)]
    expected = LiteRTModel((folder / "model.tflite").read_bytes()).run(np.zeros((1, 28, 28), np.float32))
    assert values == pytest.approx(expected.ravel().tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "paper"),
    [
        ('Zhu & Gupta 2017, "To prune,\nor not to prune" (arXiv 1710.01878): more',
         Paper("1710.01878", "Zhu & Gupta", "2017", "To prune, or not to prune")),
        ("(after Dong et al. 2019, arXiv 1905.03696, and", Paper("1905.03696", "Dong et al.", "2019", "")),
        ('Hinton, Vinyals & Dean 2015, "Distilling" (arXiv\n1503.02531)',
         Paper("1503.02531", "Hinton, Vinyals & Dean", "2015", "Distilling")),
    ],
)  # fmt: skip
def test_a_paper_is_read_as_docs_name_it(text, paper):
    assert papers_in(text) == [paper]


def test_every_paper_that_the_docs_of_strategies_name_is_cited():
    registry = Registry.installed()
    for name in registry.names("strategy"):
        named = re.findall(r"arXiv\s+(\d{4}\.\d{4,5})", registry.preferred("strategy", name).cls.__doc__)
        assert [paper.number for paper in papers_of([name], registry)] == list(dict.fromkeys(named)), name


def test_bibtex_names_all_authors_and_the_title():
    assert Paper("1503.02531", "Hinton, Vinyals & Dean", "2015", "Distilling").bibtex == (
        "@misc{arxiv:1503.02531,\n"
        "  author        = {Hinton and Vinyals and Dean},\n"
        "  title         = {{Distilling}},\n"
        "  year          = {2015},\n"
        "  eprint        = {1503.02531},\n"
        "  archivePrefix = {arXiv},\n"
        "  url           = {https://arxiv.org/abs/1503.02531},\n"
        "}"
    )
    assert "author        = {Dong and others}" in Paper("1905.03696", "Dong et al.", "2019", "").bibtex


def test_a_report_from_a_file_gives_the_same_card():
    from compressor.report.report_model import FullReport

    report = made_report()
    assert render_card(FullReport.model_validate_json(render_json(report))) == render_card(report)
