"""
Tombstone logs: `jsonl` appends to a file.
"""
