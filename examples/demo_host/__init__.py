"""
What stands in for a host application in both examples: made-up people, a login, and a page.
"""

from .host import NOTICE, DemoHost, started

__all__ = ["NOTICE", "DemoHost", "started"]
