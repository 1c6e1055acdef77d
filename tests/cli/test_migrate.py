"""`compressor migrate`: recipes are brought up to date in place, or only checked."""

BODY = "model: {source: mnist_cnn, train: {epochs: 1}}\r\ndata: {source: mnist}\r\n"


def test_a_recipe_without_a_version_gets_one(run, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(BODY.encode())
    said = "mine.yaml:1:1: version: 1, which was missing\n"
    assert run("migrate", "--check", "mine.yaml") == (1, f"{said}1 of 1 recipe would change; the version is 1\n", "")
    assert path.read_bytes() == BODY.encode()
    assert run("migrate", "mine.yaml") == (0, f"{said}1 of 1 recipe changed; the version is 1\n", "")
    assert path.read_bytes() == b"version: 1\r\n" + BODY.encode()
    assert run("migrate", "--check", "mine.yaml") == (0, "0 of 1 recipe would change; the version is 1\n", "")


def test_what_cannot_be_read_is_told_and_the_others_are_migrated(run, tmp_path):
    (tmp_path / "mine.yaml").write_bytes(BODY.encode())
    code, out, err = run("migrate", "gone.yaml", "mine.yaml")
    assert (code, err) == (1, "error: gone.yaml: no such file; check the path, or list the folder\n")
    assert out.endswith("1 of 2 recipes changed; the version is 1\n")
    assert (tmp_path / "mine.yaml").read_bytes().startswith(b"version: 1\r\n")


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(run, tmp_path):
    (tmp_path / "real").mkdir()
    target = tmp_path / "real" / "mine.yaml"
    target.write_bytes(BODY.encode())
    target.chmod(0o640)
    (tmp_path / "link.yaml").symlink_to("real/mine.yaml")
    assert run("migrate", "link.yaml")[0] == 0
    assert (tmp_path / "link.yaml").is_symlink()
    assert target.read_bytes() == b"version: 1\r\n" + BODY.encode()
    assert oct(target.stat().st_mode & 0o777) == "0o640"


def test_a_recipe_that_cannot_be_changed_safely_is_left_alone(run, tmp_path):
    text = "? model\n: {source: mnist_cnn}\ndata: {source: mnist}\n"
    (tmp_path / "mine.yaml").write_text(text)
    code, out, err = run("migrate", "mine.yaml")
    said = "mine.yaml:1:3: error: this has to be changed by hand: version: 1, which was missing"
    assert (code, out, err.splitlines()[0]) == (1, "0 of 1 recipe changed; the version is 1\n", said)
    assert (tmp_path / "mine.yaml").read_text() == text
