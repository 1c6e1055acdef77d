"""TFRecord files, read in any order."""

import numpy as np
import pytest
from reading import inputs_of, labels_of, refusal, trained_on

from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits

IMAGE = {"dtype": "uint8", "shape": [28, 28], "encoding": "png"}
LABEL = {"dtype": "int64", "shape": []}
OPTIONS = {"features": {"image": IMAGE, "label": LABEL}, "inputs": ["image"], "label": "label"}


@pytest.fixture
def records(tensorflow, few):
    """A function that writes digits as examples: PNG, raw bytes, numbers, and the label."""
    train = tensorflow.train

    def write(path, chosen=slice(None)):
        with tensorflow.io.TFRecordWriter(str(path)) as file:
            for image, label in zip(few[0][chosen], few[1][chosen], strict=True):
                png = tensorflow.io.encode_png(image[..., None]).numpy()
                features = {
                    "image": train.Feature(bytes_list=train.BytesList(value=[png])),
                    "raw": train.Feature(bytes_list=train.BytesList(value=[image.tobytes()])),
                    "row": train.Feature(float_list=train.FloatList(value=image[14].astype(float))),
                    "label": train.Feature(int64_list=train.Int64List(value=[label])),
                }
                file.write(train.Example(features=train.Features(feature=features)).SerializeToString())
        return path

    return write


def opened(path, **options):
    return load_splits(Reference("path", str(path), {**OPTIONS, **options}))


def test_encoded_images_and_numbers_are_read(records, tmp_path, few, budget):
    train = opened(records(tmp_path / "digits.tfrecord")).train
    np.testing.assert_array_equal(inputs_of(train), few[0].astype(np.float32) * np.float32(1 / 255))
    np.testing.assert_array_equal(labels_of(train), few[1])
    seen = np.concatenate([labels for _, labels in trained_on(train)])
    assert sorted(seen) == sorted(few[1])


def test_raw_bytes_are_numbers_one_after_the_other(records, tmp_path, few):
    raw = {"dtype": "uint8", "shape": [28, 28], "encoding": "raw"}
    train = opened(records(tmp_path / "a.tfrecord"), features={"raw": raw, "label": LABEL}, inputs=["raw"]).train
    np.testing.assert_array_equal(train.samples.read(range(150))[0], few[0])


def test_several_inputs_are_a_dict_by_name(records, tmp_path, few, budget):
    row = {"dtype": "float32", "shape": [28]}
    features = {"image": IMAGE, "row": row, "label": LABEL}
    train = opened(records(tmp_path / "a.tfrecord"), features=features, inputs=["image", "row"]).train
    inputs, labels = next(train.batches(150))
    np.testing.assert_array_equal(inputs["image"], few[0].astype(np.float32) * np.float32(1 / 255))
    np.testing.assert_array_equal(inputs["row"], few[0][:, 14])
    batch, _ = trained_on(train, batch_size=10)[0]
    assert {name: array.shape for name, array in batch.items()} == {"image": (10, 28, 28), "row": (10, 28)}
    assert labels.tolist() == few[1].tolist()


def test_shards_in_a_folder_are_split_by_their_names(records, tmp_path, budget):
    records(tmp_path / "train.tfrecord-00000-of-00002", slice(0, 70))
    records(tmp_path / "train.tfrecord-00001-of-00002", slice(70, 120))
    records(tmp_path / "test.tfrecord-00000-of-00001", slice(120, 150))
    splits = opened(tmp_path)
    assert (splits.train.size, splits.test.size) == (120, 30)
    assert opened(tmp_path / "train.tfrecord-*").train.fingerprint == splits.train.fingerprint


def test_a_cut_file_is_named(records, tmp_path):
    path = records(tmp_path / "a.tfrecord")
    path.write_bytes(path.read_bytes()[:-5])
    assert refusal(opened, path) == f"{path} is not a TFRecord file, or is cut short after 149 records; make it again"


def test_a_compressed_file_is_refused(records, tmp_path):
    import gzip

    path = records(tmp_path / "a.tfrecord")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert refusal(opened, path) == f"{path} is compressed, so it cannot be read in any order; unpack it with gunzip"


def test_features_that_are_not_in_the_records_are_told(records, tmp_path):
    path = records(tmp_path / "a.tfrecord")
    message = refusal(lambda: opened(path, features={"image": IMAGE, "label": {"dtype": "int64", "shape": [2]}}))
    assert message.startswith(f"a.tfrecord: the records in {tmp_path} are not as 'data.with.features' says (")
    assert message.endswith("; correct names, dtype, shape and encoding there; the records hold image, label, raw, row")
    assert "{" not in message


def test_an_input_without_a_description_is_named(records, tmp_path):
    path = records(tmp_path / "a.tfrecord")
    assert refusal(lambda: opened(path, inputs=["images"])) == (
        "a.tfrecord: 'data.with.features' does not describe 'images'; did you mean 'image'?"
    )


def test_images_of_16_bits_in_records_are_read_whole_or_refused(tmp_path, tensorflow):
    train = tensorflow.train
    values = np.arange(300, 312).reshape(3, 4, 1).astype(np.uint16)
    image = train.Feature(bytes_list=train.BytesList(value=[tensorflow.io.encode_png(values).numpy()]))
    with tensorflow.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(train.Example(features=train.Features(feature={"x": image})).SerializeToString())

    def read(dtype):
        options = {"features": {"x": {"dtype": dtype, "shape": [3, 4, 1], "encoding": "png"}}, "inputs": ["x"]}
        return load_splits(Reference("path", str(tmp_path / "a.tfrecord"), options)).train.samples.read(range(1))[0]

    np.testing.assert_array_equal(read("uint16")[0], values)
    assert refusal(read, "uint8") == (
        f"a.tfrecord: the records in {tmp_path} are not as 'data.with.features' says "
        "(images hold 16 bits a channel, and not uint8; write 'dtype: uint16'); "
        "correct names, dtype, shape and encoding there; the records hold x"
    )
