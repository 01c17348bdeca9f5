"""
What the SQL adapters share: column types, tables, and a database with short, bounded transactions.
"""
