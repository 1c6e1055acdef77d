"""Images in class folders: any name, any split, any size, and what is wrong with the others."""

import numpy as np
import pytest
from reading import inputs_of, labels_of, refusal, trained_on

from compressor.base.path_or_function import Reference
from compressor.data.from_source import load_splits


def opened(folder, **options):
    return load_splits(Reference("path", str(folder), options))


def test_class_folders_become_labels_in_the_order_of_their_names(pictures, tmp_path, few, budget):
    splits = opened(pictures(tmp_path / "my digits"), color="grayscale")
    order = np.argsort(few[1], kind="stable")
    assert splits.classes == tuple("0123456789")
    assert labels_of(splits.train).tolist() == few[1][order].tolist()
    np.testing.assert_array_equal(
        inputs_of(splits.train)[..., 0], few[0][order].astype(np.float32) * np.float32(1 / 255)
    )
    assert splits.test is None
    assert splits.validation is None


def test_training_reads_the_same_pixels_as_evaluation(pictures, tmp_path, budget):
    train = opened(pictures(tmp_path), size=[20, 24]).train
    seen = np.concatenate([inputs for inputs, _ in trained_on(train)])
    assert seen.shape == (150, 20, 24, 3)
    assert sorted(seen.sum(axis=(1, 2, 3)).tolist()) == sorted(inputs_of(train).sum(axis=(1, 2, 3)).tolist())


def test_folders_named_train_validation_and_test_are_the_splits(pictures, tmp_path):
    for name, chosen in (("train", slice(0, 100)), ("val", slice(100, 120)), ("test", slice(120, 150))):
        pictures(tmp_path / name, chosen)
    splits = opened(tmp_path)
    assert [split.size for split in (splits.train, splits.validation, splits.test)] == [100, 20, 30]


def test_class_names_may_be_in_any_script_and_have_spaces(pictures, tmp_path):
    splits = opened(pictures(tmp_path / "données é", name="chiffre {} ✓"))
    assert splits.classes[:2] == ("chiffre 0 ✓", "chiffre 1 ✓")


def test_images_in_memory_and_on_the_disk_are_the_same_numbers(pictures, tmp_path, monkeypatch):
    from compressor.data import samples

    folder = pictures(tmp_path)
    held = opened(folder, size=[14, 14]).train
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 0)
    read = opened(folder, size=[14, 14]).train
    assert (held.samples.in_memory, read.samples.in_memory) == (True, False)
    np.testing.assert_array_equal(inputs_of(held), inputs_of(read))


def test_the_fingerprint_changes_with_a_pixel_a_class_or_the_color(pictures, tmp_path, tiny_budget):
    def fingerprint(**options):
        return opened(tmp_path, **options).train.fingerprint

    pictures(tmp_path)
    before = fingerprint()
    assert fingerprint() == before
    assert fingerprint(color="grayscale") != before
    image = next(tmp_path.glob("3/*.png"))
    image.rename(tmp_path / "4" / image.name)
    moved = fingerprint()
    assert moved != before


def test_sizes_that_differ_are_told_with_the_way_to_one_size(pictures, tmp_path, tensorflow):
    pictures(tmp_path)
    wide = tensorflow.io.encode_png(np.zeros((28, 30, 1), np.uint8)).numpy()
    (tmp_path / "0" / "zz.png").write_bytes(wide)
    first = min((tmp_path / "0").iterdir()).name
    assert refusal(opened, tmp_path) == (
        f"{tmp_path.name}: images differ in size: {first} has 28x28, zz.png 28x30; "
        "bring them to one: 'with: {size: [28, 28]}' under data"
    )
    assert opened(tmp_path, size=[28, 28]).train.size == 151


def test_a_cut_png_is_named(pictures, tmp_path):
    pictures(tmp_path)
    broken = next(tmp_path.glob("7/*.png"))
    broken.write_bytes(broken.read_bytes()[:-20])
    assert (
        refusal(opened, tmp_path) == f"{broken} cannot be read as an image (it is cut short); replace it, or remove it"
    )


def test_a_png_with_damage_in_the_middle_is_named(pictures, tmp_path):
    pictures(tmp_path)
    broken = next(tmp_path.glob("7/*.png"))
    content = bytearray(broken.read_bytes())
    content[60] ^= 255
    broken.write_bytes(content)
    assert refusal(opened, tmp_path).startswith(f"{broken} cannot be read as an image (")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b"GIF", "it is no PNG, JPEG, GIF or BMP file"),
        (b"\xff\xd8\xff\xc0\x00\x11\xff\xd9", "it is cut short"),  # a JPEG within its frame's header
    ],
)
def test_a_file_that_is_no_image_is_named(pictures, tmp_path, content, reason):
    pictures(tmp_path)
    broken = tmp_path / "0" / "zz.png"
    broken.write_bytes(content)
    assert refusal(opened, tmp_path) == f"{broken} cannot be read as an image ({reason}); replace it, or remove it"


def test_a_jpeg_s_size_is_read_without_decoding_it(tensorflow, tmp_path, few):
    from compressor.data.image_header import image_size

    for name, encoded in (
        ("a.jpg", tensorflow.io.encode_jpeg(np.zeros((30, 50, 3), np.uint8))),
        ("a.png", tensorflow.io.encode_png(np.zeros((30, 50, 3), np.uint8))),
    ):
        (tmp_path / name).write_bytes(encoded.numpy())
        assert image_size(tmp_path / name) == (30, 50)


def test_a_folder_of_another_kind_of_file_is_refused(pictures, tmp_path):
    pictures(tmp_path)
    (tmp_path / "0" / "notes.txt").write_text("hello")
    (tmp_path / "0" / ".DS_Store").write_text("left by a file manager")
    assert refusal(opened, tmp_path) == (
        f"{tmp_path / '0' / 'notes.txt'} is not an image; remove it, or save it as one of .png, .jpg, .jpeg, .bmp, .gif"
    )


def test_an_empty_folder_is_refused(tmp_path):
    assert refusal(opened, tmp_path) == (
        f"{tmp_path} holds no images; put .png, .jpg, .jpeg, .bmp, .gif files into a folder for each class"
    )


def test_a_class_that_only_the_test_has_is_refused(pictures, tmp_path):
    pictures(tmp_path / "train", slice(0, 100))
    pictures(tmp_path / "test", slice(100, 110), name="{} new")
    first = min((tmp_path / "test").iterdir()).name
    assert refusal(opened, tmp_path) == (
        f"the class '{first}' in {tmp_path / 'test'} has no images to train with; "
        "add some to the training folder, or remove it"
    )


def deep_picture(tensorflow, path, low):
    """Write a PNG file of 16 bits with values from `low` up, and return them."""
    values = (low + np.arange(48).reshape(6, 8, 1)).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tensorflow.io.encode_png(values).numpy())
    return values


def test_images_of_16_bits_are_read_as_such_and_scaled_to_1(tensorflow, tmp_path, budget):
    values = [deep_picture(tensorflow, tmp_path / name / "0.png", low) for name, low in (("cold", 3), ("warm", 65_000))]
    splits = opened(tmp_path, color="grayscale")
    stored, labels = splits.train.samples.read(range(2))
    assert (stored.dtype, labels.tolist(), splits.notes) == (np.uint16, [0, 1], ())
    np.testing.assert_array_equal(stored, values)
    np.testing.assert_array_equal(inputs_of(splits.train), stored.astype(np.float32) * np.float32(1 / 65_535))
    assert opened(tmp_path, color="rgb").train.samples.read(range(1))[0].shape == (1, 6, 8, 3)
    resized = opened(tmp_path, color="grayscale", size=[3, 4]).train.samples.read(range(2))[0]
    assert (resized.dtype, resized.shape) == (np.uint16, (2, 3, 4, 1))
    assert 65_000 < resized[1].min() < resized[1].max() < 65_048


def test_images_of_8_bits_among_those_of_16_are_spread_and_told(tensorflow, tmp_path, budget):
    deep_picture(tensorflow, tmp_path / "train" / "a" / "0.png", 500)
    for part in ("train", "test"):
        path = tmp_path / part / "a" / "1.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tensorflow.io.encode_png(np.full((6, 8, 1), 255, np.uint8)).numpy())
    splits = opened(tmp_path)
    assert splits.notes == (
        "1 of 3 images hold 16 bits a channel (0.png), and the others 8 (1.png); "
        "these are spread over 16 bits, so that white stays white",
    )
    test = splits.test.samples.read(range(1))[0]
    assert (test.dtype, test.min()) == (np.uint16, 65_535)
    assert splits.train.samples.read(range(2))[0].max(axis=(1, 2, 3)).tolist() == [547, 65_535]
