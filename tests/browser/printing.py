"""
The report on paper: printed to PDF by Chromium, read back by poppler.
"""

import subprocess
import unicodedata
from pathlib import Path

from playwright.sync_api import Page

# Texts a page means for paper: not styles, not alternatives of drawings, not what only screen readers get.
WORDS = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), words = [];
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (parent.closest("svg title, svg desc, style")) continue;
    let unseen = false;
    for (let each = parent; each && each !== document.body; each = each.parentElement) {
      const style = getComputedStyle(each);
      if (each.offsetWidth <= 1 && each.offsetHeight <= 1 && style.overflow === "hidden") unseen = true;
    }
    if (!unseen) words.push(...walk.currentNode.data.split(/\\s+/).filter(Boolean));
  }
  return [...new Set(words)];
}"""
EDGES = ("top", "right", "bottom", "left")
LONGEST = 12
"""How many letters of a word are looked for: a longer one may be broken at the end of a line."""


def words_for_paper(page: Page) -> list[str]:
    """
    Return every word that a page means to print, folded contents included.
    """
    page.emulate_media(media="print")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    words: list[str] = page.evaluate(WORDS)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
    return words


def printed(page: Page, file: Path) -> Path:
    """
    Print the page to a PDF of A4 sheets, with the margins and without the backgrounds that browsers begin with.
    """
    page.pdf(path=file, format="A4", print_background=False, margin=dict.fromkeys(EDGES, "10mm"))
    return file


def text_of(pdf: Path, pdftotext: str) -> str:
    """
    Return a PDF's text without spaces, in one spelling, as capitals may be the style's.
    """
    done = subprocess.run([pdftotext, "-enc", "UTF-8", str(pdf), "-"], capture_output=True, check=True)
    return spelled(done.stdout.decode())


def spelled(text: str) -> str:
    """
    Return text without spaces, ligatures and differences of case.
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def not_printed(words: list[str], text: str) -> list[str]:
    """
    Return the words that are not in a PDF's text.
    """
    return [word for word in words if spelled(word[:LONGEST]) not in text]
