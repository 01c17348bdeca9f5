"""
Keys by purpose, derived from root secrets; none of them has a getter.
"""
