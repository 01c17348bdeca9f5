"""
The contracts of `ports.signing`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from ...ports.signing import KeyState, ManifestSigner, PublicKey, Signature, TicketSigner

MESSAGE = b"a ticket's message"
Verify = Callable[[PublicKey, bytes, bytes], bool]


class TicketSignerContract:
    """
    What every `TicketSigner` keeps. Give four fixtures: *signer*, *stranger* with other keys, and two of
    the time after: *rotated*, for which the signer's key is retired, and *revoked*, for which it is revoked.
    """

    @pytest.fixture
    def signer(self) -> TicketSigner:
        """
        The signer under test.
        """
        raise NotImplementedError("give a fixture `signer` that returns your signer")

    @pytest.fixture
    def stranger(self) -> TicketSigner:
        """
        A signer of the same kind, whose keys are others.
        """
        raise NotImplementedError("give a fixture `stranger` that returns a signer with other keys")

    @pytest.fixture
    def rotated(self) -> TicketSigner:
        """
        A signer with a new key, and the key of `signer` retired.
        """
        raise NotImplementedError("give a fixture `rotated`: a new key, and the one of `signer` retired")

    @pytest.fixture
    def revoked(self) -> TicketSigner:
        """
        A signer with a new key, and the key of `signer` revoked.
        """
        raise NotImplementedError("give a fixture `revoked`: a new key, and the one of `signer` revoked")

    def test_what_it_signs_it_verifies(self, signer: TicketSigner) -> None:
        """
        A signature is good for its message, also the empty one, and at least 128 bits strong.
        """
        for message in (MESSAGE, b"", bytes(1_000_000)):
            signature = signer.sign(message)
            assert signer.verify(message, signature)
            assert len(signature.value) >= 16

    def test_a_key_id_can_stand_in_a_url(self, signer: TicketSigner) -> None:
        """
        Key ids are short and plain.
        """
        assert re.fullmatch("[a-z0-9-]{1,63}", signer.sign(MESSAGE).key_id)

    def test_another_message_is_refused(self, signer: TicketSigner) -> None:
        """
        A signature is good for nothing but its message.
        """
        signature = signer.sign(MESSAGE)
        assert [] == [other for other in (b"", MESSAGE + b"\0", MESSAGE[:-1]) if signer.verify(other, signature)]

    def test_an_altered_signature_is_refused(self, signer: TicketSigner) -> None:
        """
        Every flipped bit, every truncation and an appended byte are refused.
        """
        good = signer.sign(MESSAGE)
        values = [good.value[:size] for size in range(len(good.value))] + [good.value + b"\0", good.value * 2]
        for bit in range(len(good.value) * 8):
            flipped = bytearray(good.value)
            flipped[bit // 8] ^= 1 << bit % 8
            values.append(bytes(flipped))
        verified = [value for value in values if signer.verify(MESSAGE, Signature(key_id=good.key_id, value=value))]
        assert [] == verified

    def test_an_unknown_key_is_refused(self, signer: TicketSigner, stranger: TicketSigner) -> None:
        """
        Other keys' signatures are refused, under their own id and under a borrowed one.
        """
        foreign = stranger.sign(MESSAGE)
        borrowed = Signature(key_id=signer.sign(MESSAGE).key_id, value=foreign.value)
        unknown = Signature(key_id="unknown", value=signer.sign(MESSAGE).value)
        assert [False] * 3 == [signer.verify(MESSAGE, each) for each in (foreign, borrowed, unknown)]

    def test_a_retired_key_still_verifies(self, signer: TicketSigner, rotated: TicketSigner) -> None:
        """
        What was signed before a rotation stays good; what is signed after is by the new key.
        """
        before = signer.sign(MESSAGE)
        after = rotated.sign(MESSAGE)
        assert rotated.verify(MESSAGE, before)
        assert before.key_id != after.key_id
        assert not signer.verify(MESSAGE, after)

    def test_a_revoked_key_refuses_at_once(self, signer: TicketSigner, revoked: TicketSigner) -> None:
        """
        What a revoked key signed is not good any more.
        """
        assert not revoked.verify(MESSAGE, signer.sign(MESSAGE))


class ManifestSignerContract:
    """
    What every `ManifestSigner` keeps. Give a fixture *signer* and *verify*, an independent Ed25519.

    `verify(public_key, message, signature)` returns whether the signature is good, without the adapter.
    """

    @pytest.fixture
    def signer(self) -> ManifestSigner:
        """
        The signer under test.
        """
        raise NotImplementedError("give a fixture `signer` that returns your signer")

    @pytest.fixture
    def verify(self) -> Verify:
        """
        An Ed25519 verification that is not the adapter's.
        """
        raise NotImplementedError("give a fixture `verify` that verifies Ed25519 by other means")

    def test_its_first_public_key_verifies_what_it_signs(self, signer: ManifestSigner, verify: Verify) -> None:
        """
        Signatures name the current key, which is the first listed, and are good under it.
        """
        signature = signer.sign(MESSAGE)
        current = signer.public_keys()[0]
        assert (KeyState.CURRENT, signature.key_id) == (current.state, current.key_id)
        assert verify(current, MESSAGE, signature.value)
        assert not verify(current, MESSAGE + b"\0", signature.value)

    def test_signing_is_deterministic(self, signer: ManifestSigner) -> None:
        """
        The same message has the same signature: a bundle made twice is the same bytes.
        """
        assert signer.sign(MESSAGE) == signer.sign(MESSAGE)

    def test_public_keys_are_raw_ed25519(self, signer: ManifestSigner) -> None:
        """
        Each is 32 bytes under an id of its own, and one of them is current.
        """
        keys = signer.public_keys()
        assert [32] * len(keys) == [len(key.raw) for key in keys]
        assert len(keys) == len({key.key_id for key in keys})
        assert [KeyState.CURRENT] == [key.state for key in keys if key.state == KeyState.CURRENT]
