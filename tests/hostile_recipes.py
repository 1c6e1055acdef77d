"""Hostile recipes: bombs of aliases, deep nesting, huge numbers, odd text, and files that they name."""

from __future__ import annotations

from collections.abc import Iterator

from hostile_files import MARKER, Case, Collection, damaged

HEAD = """\
version: 1
name: r
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps: [{uses: ptq}]
"""


def recipe_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    marker = collection.root / MARKER
    texts: dict[str, str | bytes] = {
        "laughs": HEAD + laughs,
        "laughs-in-steps": HEAD.replace("[{uses: ptq}]", "*a11").replace("version", laughs + "version"),
        "circle": "a: &a [*a]\n" + HEAD,
        "merge": "a: &a {b: 1}\nc: {<<: *a}\n" + HEAD,
        "deep-list": HEAD + "x: " + "[" * 100_000,
        "deep-map": HEAD + "x: " + "{a: " * 100_000,
        "deep-block": HEAD + "x:\n" + "".join(" " * n + "- \n" for n in range(1, 1_300)),
        "many-keys": HEAD + "".join(f"k{n}: 1\n" for n in range(60_000)),
        "same-keys": HEAD + "k: 1\n" * 100_000,
        "many-steps": HEAD.replace("[{uses: ptq}]", f"[{'{uses: ptq}, ' * 20_000}]"),
        "too-long": HEAD + "# " + "x" * 2_000_000,
        "long-line": HEAD + "x: " + "y" * 900_000,
        "digits": HEAD.replace("version: 1", "version: " + "9" * 100_000),
        "exponent": HEAD + "constraints: {max_size: 1e999999999}\n",
        "size": HEAD + "constraints: {max_size: 99999999999999999999 GB}\n",
        "negative": HEAD + "constraints: {max_size: -1}\n",
        "seed": HEAD.replace("ptq}", "prune, with: {epochs: 1e300}}"),
        "epochs": HEAD.replace("ptq}", "prune, with: {epochs: 99999999999999999999999}}"),
        "nan": HEAD.replace("ptq}", "prune, with: {final_sparsity: .nan}}"),
        "tag": HEAD + f"x: !!python/object/apply:os.system ['touch \"{marker}\"']\n",
        "tag-new": HEAD + f"x: !!python/object/new:os.mkdir ['{marker}']\n",
        "tag-name": HEAD.replace("mnist_cnn", "!!python/name:os.system"),
        "documents": HEAD + "---\n" + HEAD,
        "directive": "%YAML 9.9\n---\n" + HEAD,
        "binary": bytes(range(256)) * 30,
        "nul": HEAD.encode() + b"\0",
        "utf16": HEAD.encode("utf-16"),
        "utf32": HEAD.encode("utf-32"),
        "latin": HEAD.encode() + b"# \xe9\xff\n",
        "surrogate": HEAD + "x: \ud800\n",
        "escaped-surrogate": HEAD + 'x: "\\ud800"\n',
        "right-to-left": HEAD.replace("name: r", "name: \u202er"),
        "escapes": HEAD.replace("name: r", 'name: "\\e[31m\\n\\0"'),
        "separators": HEAD.replace("\n", "\u2028"),
        "bom": b"\xef\xbb\xbf" * 3 + HEAD.encode(),
        "tabs": HEAD.replace(" ", "\t"),
        "empty": b"",
        "comments": b"#" * 900_000,
        "regex": HEAD.replace("ptq}", "prune, with: {layers: ['" + "*a" * 2_000 + "']}}"),
        "braces": HEAD.replace("ptq}", "prune, with: {layers: ['[[[[[!']}}"),
        "extends-self": HEAD + "extends: ./recipe.yaml\n",
        "extends-device": HEAD + "extends: /dev/zero\n",
        "extends-many": HEAD + "extends: [" + "./none.yaml, " * 1_000 + "]\n",
        "model-device": HEAD.replace("mnist_cnn", "/dev/zero"),
        "model-secret": HEAD.replace("mnist_cnn", "/etc/shadow.keras"),
        "model-long": HEAD.replace("mnist_cnn", "./" + "x" * 5_000 + ".keras"),
        "model-function": HEAD.replace("mnist_cnn", "os:getcwd"),
        "data-device": HEAD.replace("source: mnist}", "source: /dev/random.npz}"),
        "data-pattern": HEAD.replace("source: mnist}", "source: '/**/*.tfrecord-none'}"),
        "plugin-missing": HEAD + "plugins: [./none.py]\n",
        "plugin-device": HEAD + "plugins: [/dev/zero]\n",
        "custom-objects": HEAD.replace("mnist_cnn,", "mnist_cnn, custom_objects: [/dev/zero.py],"),
        "root-list": "[1, 2, 3]",
        "root-text": "hello",
        "root-anchor": "&a *a",
        "question": "? [a, b]\n: c\n" + HEAD,
        "question-deep": "? " * 5_000 + "a",
        "dashes": "- " * 20_000 + "a",
        "quotes": HEAD + 'x: "' + "\\" * 99_999,
        "block-scalar": HEAD + "x: |9\n" + " " * 100_000,
    }
    for name, text in texts.items():
        for command in ("validate", "plan"):
            yield collection.recipe(f"recipe-{name}-{command}", text, command)
    for kind, content in damaged(HEAD.encode(), flips=16, cuts=4, seed=2):
        yield collection.recipe(f"recipe-{kind}", content, "plan")
    for name, option in (("locked-noise", b"\xff\0"), ("locked-bomb", laughs.encode()), ("locked-device", b"")):
        case = collection.recipe(f"recipe-{name}", HEAD, "apply")
        lock = collection.root / case.name / "lock.yaml"
        lock.write_bytes(option) if option else lock.symlink_to("/dev/zero")
        out = f"{case.name}/out"
        yield Case(case.name, [*case.arguments, "--smoke", "--locked", f"{case.name}/lock.yaml", "--output", out])
    overrides = {
        "deep": "a" + ".a" * 50_000 + "=1",
        "yaml": "name=!!python/name:os.system",
        "bomb": "name=[&a [1,1], *a, *a]",
        "none": "=1",
        "digits": "seed=" + "9" * 9_999,
    }
    for name, override in overrides.items():
        case = collection.recipe(f"recipe-set-{name}", HEAD, "plan")
        yield Case(case.name, [*case.arguments, "--set", override])
