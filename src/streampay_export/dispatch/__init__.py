"""
Doorbells.
"""
