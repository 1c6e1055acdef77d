"""What MkDocs needs beside mkdocs.yml: pages of strategies, and the pages at the top of the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
FROM_THE_TOP = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")


def on_config(config: Any) -> Any:
    """Add the page of each strategy to the section 'Strategies'."""
    for section in config.nav:
        if pages := section.get("Strategies"):
            pages += [{path.stem: f"strategies/{path.name}"} for path in sorted(ROOT.glob("docs/strategies/*.md"))]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages at the top of the repository."""
    for name in FROM_THE_TOP:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Adapt what GitHub reads otherwise: links over the top of the repository, and bars within code in a table."""
    for name in FROM_THE_TOP:
        markdown = markdown.replace(f"](../{name}", f"]({name}")
    rows = re.compile(r"^\|.*\|$", re.MULTILINE)
    code = re.compile(r"`[^`\n]*`")
    markdown = rows.sub(lambda row: code.sub(lambda span: span[0].replace(r"\|", "|"), row[0]), markdown)
    return markdown.replace("](docs/", "](")
