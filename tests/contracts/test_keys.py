"""
Our keys keep the contracts of their ports, and the contracts catch keys that do not.
"""

import hashlib
import os
from datetime import UTC, datetime

import pytest
from attrs import evolve

from streampay_export._core.job import WrappedKey
from streampay_export.keys.local import LocalKeys
from streampay_export.keys.memory import MemoryKeys
from streampay_export.keys.ring import KeyRing
from streampay_export.keys.sealing import JobSealer
from streampay_export.keys.table import new_table
from streampay_export.testing.contracts.file_cipher import CONTEXT, FileCipherContract
from streampay_export.testing.contracts.key_versions import BORN, KeyVersionsContract
from streampay_export.testing.contracts.keys import KeyProviderContract, SealerContract, TaggerContract

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class TestLocalProvider(KeyProviderContract):
    @pytest.fixture
    def provider(self, tmp_path):
        """
        Keys in a file.
        """
        return LocalKeys.init(tmp_path / "keys", created_at=NOW).provider

    @pytest.fixture
    def stranger(self, tmp_path):
        """
        Keys in another file.
        """
        return LocalKeys.init(tmp_path / "other", created_at=NOW).provider


class TestMemoryProvider(KeyProviderContract):
    @pytest.fixture
    def provider(self):
        """
        Seeded keys.
        """
        return MemoryKeys(b"one").provider

    @pytest.fixture
    def stranger(self):
        """
        Keys of another seed.
        """
        return MemoryKeys(b"two").provider


class TestLocalVersions(KeyVersionsContract):
    @pytest.fixture
    def provider(self, tmp_path):
        """
        One process's keys.
        """
        return LocalKeys.init(tmp_path / "keys", created_at=BORN).provider

    @pytest.fixture
    def versions(self, provider, tmp_path):
        """
        The versions as another process has them.
        """
        return LocalKeys.load(tmp_path / "keys").versions


class TestMemoryVersions(KeyVersionsContract):
    @pytest.fixture
    def keys(self):
        """
        Keys made at a known instant.
        """
        return KeyRing(new_table(BORN, os.urandom), where="memory")

    @pytest.fixture
    def provider(self, keys):
        """
        Wraps.
        """
        return keys.provider

    @pytest.fixture
    def versions(self, keys):
        """
        Renews and destroys.
        """
        return keys.versions


class TestTagger(TaggerContract):
    @pytest.fixture
    def tagger(self):
        """
        Seeded keys.
        """
        return MemoryKeys(b"one").tagger

    @pytest.fixture
    def stranger(self):
        """
        Keys nobody has.
        """
        return MemoryKeys().tagger


class TestSealer(SealerContract, FileCipherContract):
    @pytest.fixture
    def sealer(self):
        """
        As a key ring makes it.
        """
        return MemoryKeys().sealer(bytes(32))

    @pytest.fixture
    def again(self):
        """
        As another key ring makes it: a seal depends on the job key alone.
        """
        return MemoryKeys().sealer(bytes(32))

    @pytest.fixture
    def stranger(self):
        """
        Of another job key.
        """
        return JobSealer(bytes(31) + b"\1")


class Salted(JobSealer):
    def __init__(self):
        """
        Broken: what ought to be random is the same every time, and so are the file keys.
        """
        super().__init__(bytes(32), bytes)


class Restarted(JobSealer):
    def encryptor(self, context):
        """
        Broken: the counter begins again with every chunk.
        """
        encryptor = super().encryptor(context)
        seal = encryptor.seal

        def again(chunk, *, last):
            encryptor._number = 0
            return seal(chunk, last=last)

        encryptor.seal = again
        return encryptor


class Anywhere(JobSealer):
    def decryptor(self, context, header):
        """
        Broken: believes the header about the fence.
        """
        fence = int.from_bytes(header[8:16], "big")
        return super().decryptor(evolve(context, fence=fence), header)


class Unbound:
    def wrap(self, job_key, context):
        """
        Broken: the context does not count.
        """
        return WrappedKey(key_id="k", ciphertext=bytes(byte ^ 0x55 for byte in job_key))

    def unwrap(self, wrapped, context):
        """
        Broken: opens anything.
        """
        return bytes(byte ^ 0x55 for byte in wrapped.ciphertext)


class Joined:
    def owner_tag(self, tenant, person):
        """
        Broken: runs tenant and person together, under no key.
        """
        return hashlib.sha256((tenant + person).encode()).hexdigest()

    audit_pseudonym = tombstone_tag = owner_tag


class Transparent:
    def seal(self, plaintext):
        """
        Broken: seals nothing.
        """
        return plaintext

    unseal = seal


def test_the_contract_catches_a_provider_that_ignores_the_context():
    """
    A key that opens in another context, or altered, is caught.
    """
    contract = KeyProviderContract()

    with pytest.raises(AssertionError):
        contract.test_contexts_have_their_own_ciphertexts(Unbound())
    with pytest.raises(pytest.fail.Exception):
        contract.test_another_context_does_not_unwrap(Unbound(), b"")
    with pytest.raises(pytest.fail.Exception):
        contract.test_no_flipped_bit_unwraps(Unbound())


def test_the_contract_catches_a_tagger_that_runs_names_together():
    """
    Two people with one tag, a tag without a key and a pseudonym that is the tag are caught.
    """
    contract = TaggerContract()

    with pytest.raises(AssertionError):
        contract.test_everybody_has_a_tag_of_their_own(Joined())
    with pytest.raises(AssertionError):
        contract.test_other_keys_make_other_tags(Joined(), Joined())
    with pytest.raises(AssertionError):
        contract.test_a_tag_and_a_pseudonym_cannot_be_linked(Joined())


def test_the_contract_catches_a_sealer_that_does_not_seal():
    """
    A secret in the open, and one that anybody opens, are caught.
    """
    contract = SealerContract()

    with pytest.raises(AssertionError):
        contract.test_a_seal_shows_nothing_and_is_never_twice_the_same(Transparent())
    with pytest.raises(pytest.fail.Exception):
        contract.test_another_job_key_does_not_unseal(Transparent(), Transparent())
    with pytest.raises(pytest.fail.Exception):
        contract.test_no_altered_seal_opens(Transparent())


def test_the_contract_catches_a_file_key_that_encrypts_twice():
    """
    A salt that comes again, and a counter restarted under one key, are caught.
    """
    contract = FileCipherContract()

    for broken in (Salted(), Restarted(bytes(32))):
        with pytest.raises(AssertionError):
            contract.test_no_keystream_is_used_twice(broken)
    with pytest.raises(AssertionError):
        contract.test_no_file_key_encrypts_twice(Salted(), Salted())


def test_the_contract_catches_a_reader_that_believes_the_header():
    """
    A fence taken from the file, not from the job's row, is caught.
    """
    with pytest.raises(pytest.fail.Exception):
        FileCipherContract().test_a_file_decrypts_in_no_other_place(
            Anywhere(bytes(32)), evolve(CONTEXT, fence=CONTEXT.fence + 1)
        )
