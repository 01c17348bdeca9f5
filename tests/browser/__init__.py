"""
The report as a person opens it: in Chromium, from real exports of made-up histories.

`python -m tests.browser` takes pictures of it, to be looked at.
"""
