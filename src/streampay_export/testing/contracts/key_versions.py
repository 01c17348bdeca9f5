"""
The contract of `ports.keys.KeyVersions`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ...errors import KeysMissing
from ...ports.keys import KeyProvider, KeyVersions

BORN = datetime(2026, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
JOB_KEY = bytes(range(32))


class KeyVersionsContract:
    """
    What every `KeyVersions` keeps. Give *provider* and its *versions*, whose one version was made at `BORN`.
    """

    @pytest.fixture
    def provider(self) -> KeyProvider:
        """
        The provider whose versions are under test.
        """
        raise NotImplementedError("give a fixture `provider` that returns your key provider")

    @pytest.fixture
    def versions(self, provider: KeyProvider) -> KeyVersions:
        """
        The versions of its key.
        """
        raise NotImplementedError("give a fixture `versions` that returns the versions of `provider`")

    def test_a_version_wraps_for_a_day(self, provider: KeyProvider, versions: KeyVersions) -> None:
        """
        Until it is a day old nothing is renewed; then once, and what was wrapped before still unwraps.
        """
        first = provider.wrap(JOB_KEY, b"job")
        assert not versions.renew(BORN + DAY - timedelta(microseconds=1))
        assert {} == versions.retired()
        assert first.key_id == provider.wrap(JOB_KEY, b"job").key_id

        assert [True, False] == [versions.renew(BORN + DAY) for _ in range(2)]
        second = provider.wrap(JOB_KEY, b"job")
        assert first.key_id != second.key_id
        assert {first.key_id: BORN + DAY} == versions.retired()
        assert [JOB_KEY, JOB_KEY] == [provider.unwrap(each, b"job") for each in (first, second)]

    def test_a_destroyed_version_unwraps_nothing(self, provider: KeyProvider, versions: KeyVersions) -> None:
        """
        What was wrapped under it is lost, and nothing else is.
        """
        wrapped = []
        for day in range(3):
            wrapped.append(provider.wrap(JOB_KEY, b"job"))
            versions.renew(BORN + DAY * (day + 1))
        versions.destroy(wrapped[1].key_id)
        versions.destroy(wrapped[1].key_id)

        with pytest.raises(KeysMissing):
            provider.unwrap(wrapped[1], b"job")
        assert [JOB_KEY, JOB_KEY] == [provider.unwrap(wrapped[each], b"job") for each in (0, 2)]
        assert {wrapped[0].key_id, wrapped[2].key_id} == set(versions.retired())

    def test_the_version_that_wraps_is_not_destroyed(self, provider: KeyProvider, versions: KeyVersions) -> None:
        """
        Asked to destroy that one, or one it does not know, it changes nothing.
        """
        wrapped = provider.wrap(JOB_KEY, b"job")
        versions.destroy(wrapped.key_id)
        versions.destroy("unknown")
        assert JOB_KEY == provider.unwrap(wrapped, b"job")
        assert wrapped.key_id == provider.wrap(JOB_KEY, b"job").key_id
