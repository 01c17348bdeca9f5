"""
Job stores: `memory` is the executable model, `sql` the one that lasts.
"""
