"""CSV and Parquet tables: ends of lines, names, numbers, and where a value is wrong."""

import sys
import time

import numpy as np
import pytest
from reading import inputs_of, labels_of, refusal, trained_on

from compressor.base.errors import DataError
from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits


def opened(path, **options):
    return load_splits(Reference("path", str(path), options))


def test_columns_of_numbers_are_the_inputs_and_the_label_is_left_out(table, tmp_path, few, budget):
    splits = opened(table(tmp_path / "digits.csv"), label="digit")
    np.testing.assert_array_equal(inputs_of(splits.train), few[0][:, 14].astype(np.float32))
    np.testing.assert_array_equal(labels_of(splits.train), few[1])
    assert labels_of(splits.train).dtype == np.int64
    assert splits.classes == ()
    assert len(trained_on(splits.train)) == 3


@pytest.mark.parametrize(("end", "encoding"), [("\r\n", "utf-8"), ("\n", "utf-8-sig"), ("\r\n", "utf-8-sig")])
def test_windows_line_ends_and_byte_order_marks_change_nothing(table, tmp_path, few, end, encoding):
    train = opened(table(tmp_path / "my digits é.csv", end=end, encoding=encoding), label="digit").train
    np.testing.assert_array_equal(inputs_of(train), few[0][:, 14])


def test_labels_of_text_become_numbers_in_the_order_of_their_names(table, tmp_path, few, budget):
    names = ["zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
    splits = opened(table(tmp_path / "digits.csv", label=lambda number: names[number]), label="digit")
    assert splits.classes == tuple(sorted(names))
    assert [splits.classes[number] for number in labels_of(splits.train)] == [names[number] for number in few[1]]


def test_chosen_columns_are_the_inputs_in_the_order_they_are_named(table, tmp_path, few):
    train = opened(table(tmp_path / "digits.csv"), label="digit", features=["p15", "p14"]).train
    np.testing.assert_array_equal(inputs_of(train), few[0][:, 14, [15, 14]])


def test_several_labels_are_rows_of_numbers(table, tmp_path, few):
    train = opened(table(tmp_path / "digits.csv"), label=["p14", "p15"]).train
    np.testing.assert_array_equal(labels_of(train), few[0][:, 14, [14, 15]])
    assert inputs_of(train).shape == (150, 27)


def test_labels_that_are_not_whole_stay_as_they_are(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,0.5\n2,1\n3,2.5\n")
    assert labels_of(opened(tmp_path / "a.csv", label="y").train).tolist() == [0.5, 1.0, 2.5]


def test_files_are_split_by_their_names(table, tmp_path):
    table(tmp_path / "train-1.csv", slice(0, 60))
    table(tmp_path / "train-2.csv", slice(60, 100))
    table(tmp_path / "test.csv", slice(100, 150))
    splits = opened(tmp_path, label="digit")
    assert (splits.train.size, splits.test.size, splits.validation) == (100, 50, None)


def test_folders_named_train_and_test_are_splits_of_a_table_too(table, tmp_path):
    for name, chosen in (("train", slice(0, 100)), ("test", slice(100, 150))):
        (tmp_path / name).mkdir()
        table(tmp_path / name / "digits.csv", chosen)
    splits = opened(tmp_path, label="digit")
    assert (splits.train.size, splits.test.size) == (100, 50)


def test_a_file_whose_split_is_unclear_is_refused(table, tmp_path):
    table(tmp_path / "train.csv")
    table(tmp_path / "more.csv")
    assert refusal(lambda: opened(tmp_path, label="digit")) == (
        f"it is not clear which split {tmp_path / 'more.csv'} belongs to; "
        "begin its name with train, validation or test, as the others do, or move it away"
    )


def test_a_missing_column_is_named_with_its_neighbor(table, tmp_path):
    path = table(tmp_path / "digits.csv")
    assert refusal(lambda: opened(path, label="digits")) == f"{path} has no column 'digits'; did you mean 'digit'?"


@pytest.mark.parametrize(("value", "reason"), [("", "the value is missing"), ("n/a", "'n/a' is not a number")])
def test_a_value_that_is_no_number_is_named_with_its_place(tmp_path, value, reason):
    path = tmp_path / "a.csv"
    path.write_text(f"x,y\n1,0\n{value},1\n")
    assert refusal(lambda: opened(path, label="y")) == (
        f"{path}, row 2, column 'x': {reason}; "
        "correct it, or, if it is the label, write 'with: {label: x}' under data, "
        "or name the columns to use with 'with: {features: [...]}'"
    )


@pytest.mark.parametrize("others", ["01", ["cat", "dog"]])
def test_a_missing_label_is_no_class_of_its_own(tmp_path, others):
    path = tmp_path / "a.csv"
    path.write_text(f"x,y\n1,{others[0]}\n2, \n3,{others[1]}\n")
    assert refusal(lambda: opened(path, label="y")) == (
        f"{path}, row 2, column 'y': the label is missing; fill it in, or remove the row"
    )


def test_spooled_labels_go_by_how_the_recipe_names_them(tmp_path, tiny_budget, monkeypatch):
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.csv"
    path.write_text("x,y\n" + "1,0.5\n" * 300)
    assert labels_of(opened(path, label="y").train).shape == (300,)
    assert labels_of(opened(path, label=["y"]).train).shape == (300, 1)


def test_a_row_with_too_many_columns_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,y\n1,0\n2,1,5\n")
    assert refusal(lambda: opened(path, label="y")) == (
        f"{path}, row 2: it has 3 columns, and the first line names 2; "
        "correct it, or set 'with: {delimiter: ...}' under data"
    )


def test_another_delimiter_is_a_parameter(tmp_path):
    (tmp_path / "a.csv").write_text("x;y\n1;0\n2;1\n")
    assert inputs_of(opened(tmp_path / "a.csv", label="y", delimiter=";").train).tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize("text", ["", "x,y\n"])
def test_a_table_without_rows_is_refused(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert refusal(lambda: opened(tmp_path / "a.csv")) in (
        "a.csv: there are no samples; give at least one",
        f"{tmp_path / 'a.csv'} has no columns for the inputs; begin it with a line of their names",
    )


def test_a_class_that_only_the_test_has_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text("x,y\n1,cat\n2,dog\n")
    (tmp_path / "test.csv").write_text("x,y\n1,cat\n2,cow\n")
    assert refusal(lambda: opened(tmp_path, label="y")) == (
        f"{tmp_path / 'test.csv'}, row 2, column 'y': the class 'cow' is not among the training data's; "
        "correct it, or train with some of that class"
    )


def parquet(path, columns):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path, row_group_size=7)
    return path


def test_a_parquet_table_is_what_the_same_columns_are_as_csv(tmp_path, budget):
    chance = np.random.default_rng(0)
    columns = {
        "weight": chance.normal(size=40).astype(np.float32),
        "count": chance.integers(0, 9, 40),
        "kind": [f"kind {number}" for number in chance.integers(0, 3, 40)],
        "open": chance.integers(0, 2, 40).astype(bool),
    }
    rows = zip(columns["weight"], columns["count"], columns["kind"], columns["open"].astype(int), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    one = opened(parquet(tmp_path / "table.parquet", columns), label="kind")
    other = opened(tmp_path / "table.csv", label="kind")
    assert one.classes == other.classes == ("kind 0", "kind 1", "kind 2")
    assert inputs_of(one.train).shape == (40, 3)
    np.testing.assert_array_equal(inputs_of(one.train), inputs_of(other.train))
    np.testing.assert_array_equal(labels_of(one.train), labels_of(other.train))


def test_what_is_missing_in_a_parquet_table_is_told_with_its_row(tmp_path):
    path = parquet(tmp_path / "holes.parquet", {"x": [*range(9), None], "y": [0] * 10})
    assert refusal(lambda: trained_on(opened(path, label="y").train)).startswith(
        f"{path}, row 10, column 'x': the value is missing; correct it"
    )


def test_a_parquet_file_cut_short_is_refused(tmp_path):
    path = parquet(tmp_path / "cut.parquet", {"x": [1.0, 2.0], "y": [0, 1]})
    path.write_bytes(path.read_bytes()[:-40])
    assert refusal(lambda: opened(path, label="y")).startswith(f"{path} cannot be read as a table (")


def test_parquet_needs_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    assert refusal(lambda: opened(tmp_path / "a.parquet", label="y")) == (
        "'a.parquet' is read by pyarrow, which is not installed; pip install pyarrow"
    )


def test_a_csv_file_without_a_line_of_names_is_told_so(tmp_path):
    path = tmp_path / "bare.csv"
    path.write_text("0.5,0.5,a\n1.5,2.5,b\n")
    mend = "begin the file with a line of names; its first line, '0.5, 0.5, a', is taken for them"
    assert refusal(lambda: opened(path, label="kind")) == f"{path} has no column 'kind'; {mend}"
    assert refusal(lambda: opened(path, label="a")) == f"{path} has 2 columns '0.5'; {mend}"


def test_a_value_that_is_no_finite_number_is_told_with_its_row(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,0\n2,1\nnan,0\n4,1\n")
    assert refusal(lambda: opened(tmp_path / "a.csv", label="y")) == (
        f"{tmp_path / 'a.csv'}, row 3, column 'x': the value is nan; remove that row, or fill it in"
    )


def test_a_table_of_a_hundred_thousand_columns_is_read_within_seconds(tmp_path):
    path, count = tmp_path / "wide.csv", 100_000
    names = ",".join(f"c{number}" for number in range(count))
    path.write_text(f"{names},y\n" + f"{','.join(['0.5'] * count)},1\n" * 3)
    start = time.process_time()
    splits = load_splits(Reference("path", str(path), {"label": "y"}))
    assert time.process_time() - start < 10
    assert splits.train.samples.read(range(3))[0].shape == (3, count)


def test_a_line_that_never_ends_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"1," * 9_000_000)
    with pytest.raises(DataError) as error:
        load_splits(Reference("path", str(path), {"label": "b"}))
    assert str(error.value) == (
        f"{path}, line 3: it has more than 16,777,216 characters; "
        "end each row with a line end, or save the table as Parquet"
    )


def test_a_parquet_file_that_packs_far_more_than_it_holds_is_refused(tmp_path):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "t.parquet"
    zeros = pyarrow.array(np.zeros(70_000_000, "i1"))
    parquet.write_table(pyarrow.table({"a": zeros, "y": zeros}), path)
    reference = Reference("path", str(path), {"label": "y"})
    with pytest.raises(DataError) as error:
        load_splits(reference)
    assert str(error.value) == (
        f"{path} would unpack from {path.stat().st_size:,} to 560,000,000 bytes; save it in a format that packs less, "
        "or, if you know where it comes from, set COMPRESSOR_MAX_MEMORY to 8.0 GB"
    )
