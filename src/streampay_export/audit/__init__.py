"""
Audit sinks: `jsonl` appends to a file, `sql` to a table.
"""
