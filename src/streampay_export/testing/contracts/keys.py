"""
The contracts of `ports.keys`.
"""

from __future__ import annotations

import re

import pytest

from ..._core.job import WrappedKey
from ...errors import KeysMissing
from ...ports.keys import KeyProvider, Sealer, Tagger

JOB_KEY = bytes(range(32))
CONTEXT = b'["default","abcdefghijklmnopqrstuvwxyz"]'


class KeyProviderContract:
    """
    What every `KeyProvider` keeps. Give two fixtures: *provider*, and *stranger* with other keys.
    """

    @pytest.fixture
    def provider(self) -> KeyProvider:
        """
        The provider under test.
        """
        raise NotImplementedError("give a fixture `provider` that returns your key provider")

    @pytest.fixture
    def stranger(self) -> KeyProvider:
        """
        A provider of the same kind, whose keys are others.
        """
        raise NotImplementedError("give a fixture `stranger` that returns a provider with other keys")

    def test_what_is_wrapped_unwraps(self, provider: KeyProvider) -> None:
        """
        The same job key comes back under the same context, as often as asked.
        """
        wrapped = provider.wrap(JOB_KEY, CONTEXT)
        assert [JOB_KEY, JOB_KEY] == [provider.unwrap(wrapped, CONTEXT) for _ in range(2)]

    def test_a_wrapped_key_shows_nothing(self, provider: KeyProvider) -> None:
        """
        The ciphertext does not contain the job key, not even half of it, and is not shown.
        """
        wrapped = provider.wrap(JOB_KEY, CONTEXT)
        assert JOB_KEY[:16] not in wrapped.ciphertext
        assert JOB_KEY[16:] not in wrapped.ciphertext
        assert repr(wrapped.ciphertext) not in repr(wrapped)

    def test_contexts_have_their_own_ciphertexts(self, provider: KeyProvider) -> None:
        """
        One key under two contexts looks like two.
        """
        assert provider.wrap(JOB_KEY, CONTEXT).ciphertext != provider.wrap(JOB_KEY, CONTEXT + b" ").ciphertext

    @pytest.mark.parametrize("context", [b"", CONTEXT + b" ", CONTEXT[:-1], CONTEXT.replace(b"default", b"other")])
    def test_another_context_does_not_unwrap(self, provider: KeyProvider, context: bytes) -> None:
        """
        A key wrapped for one job of one tenant opens for no other.
        """
        wrapped = provider.wrap(JOB_KEY, CONTEXT)
        with pytest.raises(KeysMissing):
            provider.unwrap(wrapped, context)

    def test_no_flipped_bit_unwraps(self, provider: KeyProvider) -> None:
        """
        A ciphertext changed by any one bit is refused.
        """
        wrapped = provider.wrap(JOB_KEY, CONTEXT)
        for bit in range(len(wrapped.ciphertext) * 8):
            flipped = bytearray(wrapped.ciphertext)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(KeysMissing):
                provider.unwrap(WrappedKey(key_id=wrapped.key_id, ciphertext=bytes(flipped)), CONTEXT)

    def test_no_other_length_unwraps(self, provider: KeyProvider) -> None:
        """
        A ciphertext cut short at any place, or longer, is refused.
        """
        wrapped = provider.wrap(JOB_KEY, CONTEXT)
        cut = [wrapped.ciphertext[:size] for size in range(len(wrapped.ciphertext))]
        for ciphertext in (*cut, wrapped.ciphertext + b"\0", wrapped.ciphertext + bytes(8)):
            with pytest.raises(KeysMissing):
                provider.unwrap(WrappedKey(key_id=wrapped.key_id, ciphertext=ciphertext), CONTEXT)

    def test_an_unknown_key_id_is_missing(self, provider: KeyProvider, stranger: KeyProvider) -> None:
        """
        What other keys wrapped is refused, and still opens where those keys are.
        """
        wrapped = stranger.wrap(JOB_KEY, CONTEXT)
        with pytest.raises(KeysMissing):
            provider.unwrap(wrapped, CONTEXT)
        assert JOB_KEY == stranger.unwrap(wrapped, CONTEXT)

    def test_a_borrowed_key_id_does_not_help(self, provider: KeyProvider, stranger: KeyProvider) -> None:
        """
        A foreign ciphertext under a known key id is refused.
        """
        known = provider.wrap(JOB_KEY, CONTEXT).key_id
        ciphertext = stranger.wrap(JOB_KEY, CONTEXT).ciphertext
        with pytest.raises(KeysMissing):
            provider.unwrap(WrappedKey(key_id=known, ciphertext=ciphertext), CONTEXT)


class TaggerContract:
    """
    What every `Tagger` keeps. Give two fixtures: *tagger*, and *stranger* with other keys.
    """

    @pytest.fixture
    def tagger(self) -> Tagger:
        """
        The tagger under test.
        """
        raise NotImplementedError("give a fixture `tagger` that returns your tagger")

    @pytest.fixture
    def stranger(self) -> Tagger:
        """
        A tagger of the same kind, whose keys are others.
        """
        raise NotImplementedError("give a fixture `stranger` that returns a tagger with other keys")

    def test_tags_are_stable_hex(self, tagger: Tagger) -> None:
        """
        A person has one tag, of 64 hex digits, and one pseudonym and one tombstone tag likewise.
        """
        for make in (tagger.owner_tag, tagger.audit_pseudonym, tagger.tombstone_tag):
            assert re.fullmatch("[0-9a-f]{64}", make("default", "alice"))
            assert make("default", "alice") == make("default", "alice")

    def test_a_tag_and_a_pseudonym_cannot_be_linked(self, tagger: Tagger) -> None:
        """
        The audit trail knows a person by another name than the job rows do, and tombstones by a third.
        """
        makers = (tagger.owner_tag, tagger.audit_pseudonym, tagger.tombstone_tag)
        assert 3 == len({make("default", "alice") for make in makers})

    def test_everybody_has_a_tag_of_their_own(self, tagger: Tagger) -> None:
        """
        No two (tenant, person) pairs share a tag, wherever tenant ends and person begins.
        """
        people = [
            ("default", "alice"),
            ("default", "Alice"),
            ("default", "alice "),
            ("defaulta", "lice"),
            ("defaul", "talice"),
            ("", "defaultalice"),
            ("defaultalice", ""),
            ("default", "alic\u00e9"),
            ("default", "alice\u0301"),
            ("default", "alice\0"),
            ("default\0", "alice"),
        ]
        for make in (tagger.owner_tag, tagger.audit_pseudonym, tagger.tombstone_tag):
            assert len(people) == len({make(tenant, person) for tenant, person in people})

    def test_other_keys_make_other_tags(self, tagger: Tagger, stranger: Tagger) -> None:
        """
        Without the key nobody finds a person by guessing.
        """
        assert tagger.owner_tag("default", "alice") != stranger.owner_tag("default", "alice")
        assert tagger.audit_pseudonym("default", "alice") != stranger.audit_pseudonym("default", "alice")
        assert tagger.tombstone_tag("default", "alice") != stranger.tombstone_tag("default", "alice")
        assert tagger.tombstone_key_id != stranger.tombstone_key_id


class SealerContract:
    """
    What every `Sealer` keeps. Give three fixtures: *sealer*, *again* of the same job key, *stranger*.
    """

    @pytest.fixture
    def sealer(self) -> Sealer:
        """
        The sealer under test.
        """
        raise NotImplementedError("give a fixture `sealer` that returns your sealer")

    @pytest.fixture
    def again(self) -> Sealer:
        """
        A second sealer of the same job key.
        """
        raise NotImplementedError("give a fixture `again` that returns a sealer of the same job key")

    @pytest.fixture
    def stranger(self) -> Sealer:
        """
        A sealer of another job key.
        """
        raise NotImplementedError("give a fixture `stranger` that returns a sealer of another job key")

    @pytest.mark.parametrize("plaintext", [b"", b"x", b'{"id":"alice"}' * 1000])
    def test_what_is_sealed_unseals(self, sealer: Sealer, again: Sealer, plaintext: bytes) -> None:
        """
        The same bytes come back, from every sealer of the job key.
        """
        assert plaintext == again.unseal(sealer.seal(plaintext))

    def test_a_seal_shows_nothing_and_is_never_twice_the_same(self, sealer: Sealer) -> None:
        """
        Equal secrets look different, and neither contains the secret.
        """
        first, second = sealer.seal(b"alice@example.com"), sealer.seal(b"alice@example.com")
        assert first != second
        assert b"alice" not in first + second

    def test_another_job_key_does_not_unseal(self, sealer: Sealer, stranger: Sealer) -> None:
        """
        What one job sealed no other opens.
        """
        with pytest.raises(KeysMissing):
            stranger.unseal(sealer.seal(b"alice"))

    def test_no_altered_seal_opens(self, sealer: Sealer) -> None:
        """
        Every flipped bit, every truncation and an appended byte are refused.
        """
        sealed = sealer.seal(b"alice")
        for bit in range(len(sealed) * 8):
            flipped = bytearray(sealed)
            flipped[bit // 8] ^= 1 << bit % 8
            with pytest.raises(KeysMissing):
                sealer.unseal(bytes(flipped))
        for other in (*(sealed[:size] for size in range(len(sealed))), sealed + b"\0"):
            with pytest.raises(KeysMissing):
                sealer.unseal(other)

    def test_the_pseudonym_key_is_the_jobs_own(self, sealer: Sealer, again: Sealer, stranger: Sealer) -> None:
        """
        All attempts at a job agree on 32 bytes; other jobs have others.
        """
        assert len(sealer.pseudonym_key()) == 32
        assert sealer.pseudonym_key() == again.pseudonym_key()
        assert sealer.pseudonym_key() != stranger.pseudonym_key()
