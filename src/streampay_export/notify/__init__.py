"""
Telling people: by mail, or only in the log; and the words of it.
"""
