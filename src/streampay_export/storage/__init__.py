"""
Where artifacts are kept.
"""
