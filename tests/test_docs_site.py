"""The site of the docs is built without a broken link, and loads nothing from other hosts."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def built(config, folder):
    """Build the site of a configuration into a folder: (exit code, what MkDocs says)."""
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", config, "-d", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    code, text = built(ROOT / "mkdocs.yml", folder)
    assert code == 0, text
    return folder


@pytest.fixture
def repository(tmp_path):
    """A copy of all that the site is made from, to break."""
    for name in ("mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def test_every_page_is_in_the_site_and_in_its_navigation(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in ROOT.glob("docs/**/*.md")}
    pages |= {Path("CONTRIBUTING.html"), Path("CHANGELOG.html"), Path("SECURITY.html")}
    assert {path.relative_to(site) for path in site.glob("**/*.html")} == pages | {Path("404.html")}
    links = re.findall(r'class="md-nav__link[^"]*"|href="([^"]*)" class="md-nav__link', (site / "faq.html").read_text())
    assert {str(page) for page in pages} <= set(links)
    assert list(site.glob("**/*.py")) == []


def test_pages_load_nothing_from_other_hosts(site):
    for path in site.glob("**/*.html"):
        tags = re.findall(r"<(?:link|script|img|iframe|source|video)\b[^>]*>", path.read_text())
        assert [tag for tag in tags if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", tag)] == [], path.name
    for path in site.glob("**/*.css"):
        assert not re.search(r"""(?:url\(|@import )["']?(?:https?:)?//""", path.read_text()), path.name


def test_code_in_tables_is_shown_as_it_is_written(site):
    assert "apply(recipe: Plan | Recipe | Mapping" in (site / "api.html").read_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[gone](no-such-page.md)", "contains a link 'no-such-page.md', but the target is not found"),
        (
            "[gone](runs.md#no-such-part)",
            "contains a link 'runs.md#no-such-part', but the doc 'runs.md' does not contain",
        ),
    ],
    ids=["page", "anchor"],
)
def test_a_link_to_nowhere_fails_the_build(repository, tmp_path, line, said):
    with (repository / "docs" / "faq.md").open("a") as page:
        page.write(f"\n{line}\n")
    code, text = built(repository / "mkdocs.yml", tmp_path / "site")
    assert code == 1
    assert said in text


def test_a_page_that_the_navigation_lacks_fails_the_build(repository, tmp_path):
    (repository / "docs" / "lost.md").write_text("# Lost\n")
    code, text = built(repository / "mkdocs.yml", tmp_path / "site")
    assert code == 1
    assert "lost.md" in text
