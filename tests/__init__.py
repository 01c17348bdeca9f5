"""
What the library is held to. `tests` is a package so that its parts can name each other.
"""
