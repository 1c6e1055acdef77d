"""Snippets of HTML that notebooks show for an object: with styles of their own, which touch nothing else there.

An object shows itself so by its method `_repr_html_`.
"""

from __future__ import annotations

from typing import Final

from compressor.base.markup import Content, Html, element

_CLASS: Final = "compressor-view"
_VIEW: Final = f".{_CLASS}"
# the marks of dark themes in JupyterLab, Visual Studio Code, Colab and pages of docs
_DARK: Final = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    'html[theme="dark"]',
    'html[data-theme="dark"]',
)
_LIGHT: Final = ('body[data-jp-theme-light="true"]', "body.vscode-light", 'html[theme="light"]',
                 'html[data-theme="light"]')  # fmt: skip
_IN_LIGHT: Final = "--accent: #0a6375; --good: #1d6f42; --bad: #b3261e; --quiet: #5c646d; --line: #d5d2cb"
_IN_DARK: Final = "--accent: #63c3d6; --good: #6bcf95; --bad: #ff8a80; --quiet: #a2a9b1; --line: #3d444b"
_STYLE: Final = Html(
    f"""
{_VIEW} {{ {_IN_LIGHT}; max-width: 64rem; font: 0.875rem/1.5 system-ui, sans-serif; }}
@media (prefers-color-scheme: dark) {{ {_VIEW} {{ {_IN_DARK} }} }}
{", ".join(f"{theme} {_VIEW}" for theme in _LIGHT)} {{ {_IN_LIGHT} }}
{", ".join(f"{theme} {_VIEW}" for theme in _DARK)} {{ {_IN_DARK} }}
{_VIEW} p {{ margin: 0.25rem 0; overflow-wrap: anywhere; }}
{_VIEW} .title {{ font-size: 1rem; font-weight: 650; }}
{_VIEW} .title .quiet {{ font-size: 0.875rem; font-weight: 400; }}
{_VIEW} .headline {{ color: var(--accent); font-weight: 600; }}
{_VIEW} .quiet {{ color: var(--quiet); }}
{_VIEW} .met {{ color: var(--good); }}
{_VIEW} .missed {{ color: var(--bad); font-weight: 600; }}
{_VIEW} a {{ color: var(--accent); }}
{_VIEW} ul {{ margin: 0.25rem 0; padding-left: 1.25rem; overflow-wrap: anywhere; }}
{_VIEW} .scroll {{ overflow-x: auto; margin: 0.5rem 0; }}
{_VIEW} table {{ border-collapse: collapse; margin: 0; font-variant-numeric: tabular-nums; font-size: 0.8125rem; }}
{_VIEW} caption {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
{_VIEW} th, {_VIEW} td {{ padding: 0.25rem 0.75rem; text-align: left; white-space: nowrap; background: none;
  border: 0; border-bottom: 1px solid var(--line); color: inherit; }}
{_VIEW} thead th {{ color: var(--quiet); font-weight: 500; }}
{_VIEW} tbody th {{ font-weight: 600; }}
{_VIEW} .number {{ text-align: right; }}
{_VIEW} .wrapped {{ display: inline-block; min-width: 16rem; max-width: 36rem; white-space: normal; }}
{_VIEW} code {{ font-size: 0.8125rem; background: none; padding: 0; color: inherit; }}
"""
)


def snippet(*content: Content) -> str:
    """The content as a snippet; text in it is escaped, and it follows the notebook's theme."""
    return element("div", element("style", _STYLE), content, class_=_CLASS)
