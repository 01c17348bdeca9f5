"""
Where history is read from: adapters of `HistorySource`.
"""
