"""Debian's Chromium without a window, and what it is asked about a page."""

import shutil
from contextlib import contextmanager

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE = {"width": 390, "height": 844}
# the ratio of luminances of each text to what is behind it, of those that have less than WCAG asks for
CONTRASTS = """() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(each).backgroundColor);
      if (alpha > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, script") || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const pair = [light(parse(style.color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push(`${element.tagName} ${element.textContent.slice(0, 30)} ${ratio}`);
  }
  return found;
}"""
# plots of which the reader sees nothing, or which stick out of their cards
UNSEEN = """() => [...document.querySelectorAll("svg")].filter((plot) => {
  if (!plot.getClientRects().length) return false;
  const box = plot.getBoundingClientRect(), card = plot.closest("figure").getBoundingClientRect();
  const drawn = plot.querySelectorAll("rect, path, circle, line");
  return box.width < 100 || box.height < 60 || !drawn.length || box.right > card.right + 1;
}).map((plot) => plot.querySelector("title").textContent)"""


@contextmanager
def chromium():
    """The browser; `apt-get install chromium` brings it."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "no Chromium is installed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=60_000)
        yield browser
        browser.close()
