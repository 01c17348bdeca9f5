"""
For testers: fakes of every port, contract suites for adapters, strategies, and a pytest plug-in.
"""
