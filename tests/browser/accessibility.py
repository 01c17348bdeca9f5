"""
axe-core, run inside a page.
"""

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
RUN = """rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(found =>
  found.violations.flatMap(each => each.nodes.map(node => `${each.id} (${each.impact}): ${node.html}`)))"""


def violations(page: Page) -> list[str]:
    """
    Return what axe-core finds wrong under WCAG 2.2 AA and its best practices: the rule and the element.
    """
    page.evaluate(AXE_SCRIPT)
    found: list[str] = page.evaluate(RUN, RULES)
    return found
