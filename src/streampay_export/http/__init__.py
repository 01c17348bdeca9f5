"""
The HTTP API without a framework: a plain request in, a plain response out.
"""

from .api import HttpApi
from .message import LARGEST_BODY, Headers, Identity, Request, Response

__all__ = ["LARGEST_BODY", "Headers", "HttpApi", "Identity", "Request", "Response"]
