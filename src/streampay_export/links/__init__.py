"""
From tickets to URLs.
"""
