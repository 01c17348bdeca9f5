"""
The contract of a storage that is a server, and what tests of one overlook.
"""

from typing import Any, ClassVar

import pytest

from streampay_export.testing.contracts.storage import KEY, StorageContract
from tests.storage_writers import race

REMOTE = [
    pytest.mark.server,
    pytest.mark.promise,
    # s3fs and adlfs leave closing their sockets to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class RemoteStorageContract(StorageContract):
    """
    Give *url*; *options* of a connection; *server*, its file system past the adapter, with nothing in it; and
    *adapter*, at *url*.
    """

    url: ClassVar[str]

    def path(self, key: str) -> str:
        """
        Where an object is, past the adapter.
        """
        return f"{self.url.partition('://')[2]}/{key}"

    @pytest.fixture
    def options(self) -> dict[str, Any]:
        """
        What a process needs to connect.
        """
        raise NotImplementedError

    @pytest.fixture
    def storage(self, server, adapter):
        """
        Nothing in it.
        """
        return adapter

    @pytest.fixture
    def raw_read(self, server):
        """
        Reads the object past the adapter.
        """

        def read(key):
            path = self.path(key)
            return server.cat_file(path) if server.isfile(path) else None

        return read

    @pytest.fixture
    def raw_write(self, server):
        """
        Writes the object past the adapter.
        """
        return lambda key, content: server.pipe_file(self.path(key), content)

    def test_of_many_processes_one_wins(self, storage, options, raw_read):
        """
        Of four processes that put one key at once one succeeds, and what is stored is all its own.
        """
        said, won = race(self.url, options, KEY)

        assert ["lost", "lost", "lost", "won"] == said
        assert [raw_read(KEY)] == won
