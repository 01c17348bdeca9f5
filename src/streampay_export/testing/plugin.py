"""
The pytest plug-in: makes failed asserts of the contract suites explain themselves.
"""

import pytest

pytest.register_assert_rewrite("streampay_export.testing.contracts")
