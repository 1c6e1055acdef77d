"""`compressor compare`: what it prints, what it ends with, and what it says of wrong input."""

import json
import shutil
from html.parser import HTMLParser

import pytest
from run_folders import right, write_run

TWO = """\
A  a
   prune_qat · mnist_cnn on mnist · seed 0 · after 'ptq'
B  b
   prune_qat · mnist_cnn on mnist · seed 1 · after 'ptq'

       size      vs A     gzip   zeros        accuracy       vs A             p50
─────────────────────────────────────────────────────────────────────────────────
A   23.3 kB         -   7.3 kB   81.6%   98.20 % ±0.26          -           36 µs
B   30.0 kB   +28.6 %   7.3 kB   81.6%   97.69 % ±0.29   -0.51 pt   worse   36 µs
 not shown here: vs A of gzip, in float, parameters; a wider terminal has room
for them, and --json has them

 B against A: accuracy -0.51 pt, worse (McNemar's test on the same 10,000
samples, p < 0.001)
 ! other seed: 0 and 1, so chance in training is part of the difference between A
and B; runs with --seeds 5 tell how much
 ✗ B: accuracy -0.51 pt to 97.69 %, beyond the limit -0.2pt, beyond noise by
McNemar's test on the same 10,000 samples, p < 0.001; size +28.56 % to 30.0 kB,
beyond the limit +2%
"""
GATE = "accuracy < -0.2pt or size > +2%"


@pytest.fixture
def runs(tmp_path):
    write_run(tmp_path / "a", right(9_820))
    write_run(tmp_path / "b", right(9_769), seed=1, bytes=30_000, numpy="2.2")


def test_a_run_that_has_become_worse_fails_with_one_line_that_says_by_how_much(run, runs, monkeypatch):
    monkeypatch.setenv("COLUMNS", "81")
    code, out, err = run("compare", "a", "b", "--fail-if", GATE)
    assert "\n".join(line.rstrip() for line in out.splitlines()) + "\n" == TWO
    assert err == (
        f"error: B fails '{GATE}': accuracy -0.51 pt to 97.69 %, beyond the limit -0.2pt, beyond noise by McNemar's "
        "test on the same 10,000 samples, p < 0.001; size +28.56 % to 30.0 kB, beyond the limit +2%\n"
    )
    assert code == 3


def test_a_run_that_is_as_good_passes(run, runs):
    code, out, err = run("compare", "a/report.json", "a", "--fail-if", GATE)
    assert (code, err) == (0, "")
    assert " B against A: accuracy is the same\n" in out
    told = "accuracy +0.00 pt to 98.20 %, within the limit -0.2pt; size +0.00 % to 23.3 kB, within the limit +2%"
    assert f" ✓ B: {told}" in " ".join(out.split("\n")).replace("  ", " ")


def test_several_conditions_and_several_runs_are_each_held(run, runs):
    code, out, err = run("compare", "a", "b", "a", "--fail-if", "size > +2%", "--fail-if", "size > 1kB")
    assert code == 3
    assert err == (
        "error: B fails 'size > +2%': size +28.56 % to 30.0 kB, beyond the limit +2%\n"
        "error: B fails 'size > 1kB': size 30.0 kB, beyond the limit 1kB\n"
        "error: C fails 'size > 1kB': size 23.3 kB, beyond the limit 1kB\n"
    )
    assert " ✓ C: size +0.00 % to 23.3 kB, within the limit +2%\n" in out


def test_json_is_one_document(run, runs):
    for form in (("--json",), ("--format", "json")):
        code, out, err = run("compare", "a", "b", *form)
        data = json.loads(out)
        assert (code, err) == (0, "")
        assert [entry["size"] for entry in data["runs"]] == [23_336, 30_000]
        assert data["gate"] == []


def test_markdown_begins_with_how_the_gate_came_out(run, runs):
    code, out, _ = run("compare", "a", "b", "--format", "md", "--fail-if", "size > +2%")
    assert code == 3
    assert out.splitlines()[:8] == [
        "**B fails**: size +28.56 % to 30.0 kB, beyond the limit +2%",
        "",
        "- A: `a`, prune_qat · mnist_cnn on mnist · seed 0 · after 'ptq'",
        "- B: `b`, prune_qat · mnist_cnn on mnist · seed 1 · after 'ptq'",
        "",
        "|  | size | vs A | gzip | vs A | zeros | accuracy | vs A |  | p50 | in float | parameters |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| A | 23.3 kB | - | 7.3 kB | - | 81.6% | 98.20 % ±0.26 | - |  | 36 µs | 0 | 20,410 |",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a",), 2, "Error: compare needs two or more runs, reports or model files.\n"),
        (("a", "no"), 1, "error: there is no run or file no; check the path\n"),
        (("a", "no.tflite"), 2,
         "Error: no.tflite is a model file, and a is not; with --data, both are measured.\n"),
        (("no.tflite", "no.keras"), 1, "error: there is no model file no.tflite; check the path\n"),
        (("a", "b", "--metric", "mae"), 2, "Error: --metric is for files that are measured on --data.\n"),
        (("a", "b", "--json", "--format", "md"), 2,
         "Error: --json and --format md exclude each other; leave one out\n"),
        (("a", "b", "--fail-if", "size >"), 2,
         "error: --fail-if: a number is missing at the end; write it like -0.2pt, +2% or 10kB\n"
         "    size >\n          ^\n"),
        (("a", "b", "--fail-if", "sise > 1kB"), 2,
         "error: --fail-if: there is no figure 'sise'; did you mean 'size'?\n    sise > 1kB\n    ^^^^\n"),
        (("no.tflite", "no.keras", "--fail-if", "accuracy < -1pt"), 2,
         "error: --fail-if: there is no figure 'accuracy'; known: float_operators, gzip_size, latency, latency_ratio, "
         "macs, packed_size, parameters, size, sparsity, unpacked_size; metrics of model files are measured with "
         "--data\n"
         "    accuracy < -1pt\n    ^^^^^^^^\n"),
        (("no.tflite", "no.keras", "--data", "mnist", "--fail-if", "acuracy < -1pt"), 2,
         "error: --fail-if: there is no figure 'acuracy'; did you mean 'accuracy'?\n    acuracy < -1pt\n    ^^^^^^^\n"),
        (("a", "b", "--data", "mnist"), 1, "error: there is no model beside a; name a run's folder, or a model file\n"),
    ],
)  # fmt: skip
def test_wrong_input_is_told(run, runs, arguments, code, message):
    found, out, err = run("compare", *arguments)
    assert (found, out) == (code, "")
    assert err.endswith(message)


def test_damaged_scores_are_told(run, runs, tmp_path):
    (tmp_path / "b" / "scores.npz").write_bytes(b"half a file")
    code, _, err = run("compare", "a", "b")
    assert code == 1
    assert err == (
        "error: b/scores.npz does not hold the scores of a run (File is not a zip file); copy it anew from the run's "
        "folder, or remove it\n"
    )


def test_two_files_are_compared_operator_by_operator(run, smoke_run, tmp_path):
    stages = smoke_run[1] / "stages"
    shutil.copy(stages / "0-baseline.tflite", tmp_path / "old.tflite")
    shutil.copy(smoke_run[1] / "model.tflite", tmp_path / "new.tflite")
    code, out, err = run("compare", "old.tflite", "new.tflite", "--fail-if", "size > +2% or float_operators > 0")
    assert (code, err) == (0, "")
    rows = [line.split() for line in out.splitlines()]
    assert ["FULLY_CONNECTED", "1", "float32", "→", "int8", "81.2", "kB", "20.3", "kB", "-60.8", "kB"] in rows
    assert ["QUANTIZE", "0", "→", "1", "-", "→", "float32", "to", "int8", "0", "B", "0", "B", "-"] in rows
    assert " added: QUANTIZE 'tfl.quantize' (1x28x28 in float32 to int8)\n" in out
    data = json.loads(run("compare", "old.tflite", "new.tflite", "--json")[1])
    (file,) = data["files"]
    assert [call["operator"] for call in file["added"]] == ["QUANTIZE", "DEQUANTIZE"]
    assert (file["removed"], file["same"]) == ([], 0)
    code, out, _ = run("compare", "old.tflite", "old.tflite")
    assert " same: all 5 operators, in types, shapes and sizes\n" in out


def test_files_and_runs_are_measured_on_data_and_compared_sample_by_sample(run, smoke_run, tmp_path):
    import numpy as np

    from compressor_plugins.datasets.mnist import MNIST

    test = MNIST(MNIST.Params()).load().test.take(200)
    images, labels = test.read(range(200))
    np.savez(tmp_path / "digits.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    shutil.copy(smoke_run[1] / "stages" / "0-baseline.tflite", tmp_path / "old.tflite")
    code, out, err = run("compare", "old.tflite", str(smoke_run[1]), "--data", "digits.npz", "--json")
    data = json.loads(out)
    assert (code, err) == (0, "")
    assert [entry["test_samples"] for entry in data["runs"]] == [200, 200]
    (change,) = data["changes"]
    assert (change["test"], change["same_samples"]) == ("McNemar's test", 200)
    code, _, err = run("compare", "old.tflite", "old.tflite", "--data", "digits.npz", "--metric", "acuracy")
    assert (code, err) == (1, "error: there is no metric 'acuracy'; did you mean 'accuracy'?\n")


def test_two_keras_files_are_compared_as_they_would_ship_and_layer_by_layer(run, tensorflow, small_cnn, tmp_path):
    small_cnn().save(tmp_path / "old.h5")
    small_cnn(filters=6).save(tmp_path / "new.keras")
    code, out, err = run("compare", "old.h5", "new.keras")
    assert (code, err) == (0, "")
    assert " changed layers: 'conv': 26x26x12 → 26x26x6, 120 → 60 parameters\n" in out
    data = json.loads(run("compare", "old.h5", "new.keras", "--json")[1])
    assert [entry["parameters"] for entry in data["runs"]] == [20_410, 10_210]
    assert [pair[1]["name"] for pair in data["files"][0]["layers"]["changed"]] == ["conv", "pool", "flatten", "dense"]


class Page(HTMLParser):
    """The text of each element of a page, and what it would fetch or run."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.texts, self.fetched, self.scripts, self._cell = [], [], [], 0, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.fetched += [tag] if tag in ("link", "img", "iframe") else []
        self.fetched += [
            name
            for name, value in attributes
            if name == "src" or name.startswith("on") or (name == "href" and not value.startswith("#"))
        ]
        if tag == "script":
            self.scripts += 1
        if tag == "tr":
            self.rows.append([])
        self._cell = self._cell or tag in ("td", "th")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, text):
        if self._cell:
            self.rows[-1][-1] += text.strip()
        self.texts.append(text.strip())


def test_html_is_one_page_that_fetches_and_runs_nothing(run, tmp_path):
    write_run(tmp_path / "a", right(9_820), recipe="<script>alert(1)</script>")
    write_run(tmp_path / "b", right(9_769), bytes=30_000, data="\x1b[31m & co")
    code, out, _ = run("compare", "a", "b", "--format", "html", "--fail-if", "size > +2%")
    page = Page(out)
    assert code == 3
    assert out.startswith("<!doctype html>\n<html") and out.isascii()
    assert page.fetched == []
    assert page.scripts == 1  # its own, the only one that its policy lets run
    assert "script-src 'sha256-" in out.replace("&#x27;", "'").replace("&#39;", "'")
    assert page.rows[0] == [
        "",
        "size",
        "vs A",
        "gzip",
        "vs A",
        "zeros",
        "accuracy",
        "vs A",
        "",
        "p50",
        "in float",
        "parameters",
    ]
    assert page.rows[2][:7] == ["B", "30.0 kB", "+28.6 %", "7.3 kB", "0 %", "81.6%", "97.69 % ±0.29"]
    assert "B fails: size +28.56 % to 30.0 kB, beyond the limit +2%" in page.texts
    assert ", <script>alert(1)</script> · mnist_cnn on mnist · seed 0 · after 'ptq'" in page.texts
    assert ", prune_qat · mnist_cnn on \\x1b[31m & co · seed 0 · after 'ptq'" in page.texts


def test_the_page_of_runs_without_a_metric_in_common_has_their_figures_alone(run, tmp_path):
    write_run(tmp_path / "a", right(9_820))
    write_run(tmp_path / "b", right(9_769))
    report = json.loads((tmp_path / "b/report.json").read_text())
    report["stages"][0]["metrics"]["recall"] = report["stages"][0]["metrics"].pop("accuracy")
    (tmp_path / "b/report.json").write_text(json.dumps(report))
    code, out, err = run("compare", "a", "b", "--format", "html")
    assert (code, err) == (0, "")
    assert 'id="figures"' in out and 'id="way"' not in out
