"""
Contract suites: subclass one, give its factory fixture, and your adapter is held to its port.
"""
