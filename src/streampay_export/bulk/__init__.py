"""
Many subjects as one supervised run.
"""
