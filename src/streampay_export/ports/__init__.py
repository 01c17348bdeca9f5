"""
What varies: one small Protocol per file. A port's docstring is its specification.
"""
