"""
Our signers keep the contracts of their ports, and the contracts catch signers that do not.
"""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from streampay_export.keys.memory import MemoryKeys
from streampay_export.ports.signing import KeyState, PublicKey, Signature
from streampay_export.signing.ed25519 import Ed25519Key, Ed25519Signer
from streampay_export.signing.hmac import HmacKey, HmacSigner
from streampay_export.testing.contracts.signing import ManifestSignerContract, TicketSignerContract

FIRST = HmacKey(key_id="first", secret=bytes(32))
SECOND = HmacKey(key_id="second", secret=bytes(31) + b"\1")


class TestHmacSigner(TicketSignerContract):
    @pytest.fixture
    def signer(self):
        """
        With its first key.
        """
        return HmacSigner([FIRST])

    @pytest.fixture
    def stranger(self):
        """
        With a key of its own.
        """
        return HmacSigner([HmacKey(key_id="foreign", secret=b"s" * 32)])

    @pytest.fixture
    def rotated(self):
        """
        With its second key, the first retired.
        """
        retired = HmacKey(key_id="first", secret=FIRST.secret, state=KeyState.RETIRED)
        return HmacSigner([SECOND, retired])

    @pytest.fixture
    def revoked(self):
        """
        With its second key, the first revoked.
        """
        revoked = HmacKey(key_id="first", secret=FIRST.secret, state=KeyState.REVOKED)
        return HmacSigner([SECOND, revoked])


class TestEd25519Tickets(TicketSignerContract):
    @pytest.fixture
    def signer(self):
        """
        With its first key.
        """
        return Ed25519Signer([Ed25519Key(seed=bytes(32))])

    @pytest.fixture
    def stranger(self):
        """
        With a key of its own.
        """
        return Ed25519Signer([Ed25519Key(seed=b"s" * 32)])

    @pytest.fixture
    def rotated(self):
        """
        With its second key, the first retired.
        """
        return Ed25519Signer([Ed25519Key(seed=b"2" * 32), Ed25519Key(seed=bytes(32), state=KeyState.RETIRED)])

    @pytest.fixture
    def revoked(self):
        """
        With its second key, the first revoked.
        """
        return Ed25519Signer([Ed25519Key(seed=b"2" * 32), Ed25519Key(seed=bytes(32), state=KeyState.REVOKED)])


class TestEd25519Signer(ManifestSignerContract):
    @pytest.fixture
    def signer(self):
        """
        With a key of each state, the current one last.
        """
        states = (KeyState.REVOKED, KeyState.RETIRED, KeyState.CURRENT)
        return Ed25519Signer(
            Ed25519Key(seed=bytes((number,)) * 32, state=state) for number, state in enumerate(states)
        )

    @pytest.fixture
    def verify(self):
        """
        OpenSSL, past the adapter.
        """

        def good(key, message, signature):
            try:
                Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
            except InvalidSignature:
                return False
            return True

        return good


class TestKeyRingManifests(TestEd25519Signer):
    @pytest.fixture
    def signer(self):
        """
        As a key ring gives it.
        """
        return MemoryKeys(b"seed").manifests


class Prefix:
    def sign(self, message):
        """
        Broken: the signature is no secret.
        """
        return Signature(key_id="k", value=message[:32].ljust(32))

    def verify(self, message, signature):
        """
        Broken: compares what is there, under any key.
        """
        return self.sign(message).value.startswith(signature.value)


class Jumbled:
    def sign(self, message):
        """
        Broken: signs with a key that is not the first listed.
        """
        return Signature(key_id="second", value=bytes(64))

    def public_keys(self):
        """
        Broken: two keys, no order.
        """
        return [PublicKey(key_id="first", raw=bytes(32)), PublicKey(key_id="second", raw=bytes(32))]


def test_the_contract_catches_a_signer_without_a_secret():
    """
    Signatures that are cut, borrowed or by revoked keys, and still good, are caught.
    """
    contract = TicketSignerContract()

    with pytest.raises(AssertionError):
        contract.test_an_altered_signature_is_refused(Prefix())
    with pytest.raises(AssertionError):
        contract.test_an_unknown_key_is_refused(Prefix(), Prefix())
    with pytest.raises(AssertionError):
        contract.test_a_revoked_key_refuses_at_once(Prefix(), Prefix())
    with pytest.raises(AssertionError):
        contract.test_a_retired_key_still_verifies(Prefix(), Prefix())


def test_the_contract_catches_keys_out_of_order():
    """
    A current key that is not the first listed, and a second current key, are caught.
    """
    contract = ManifestSignerContract()

    with pytest.raises(AssertionError):
        contract.test_its_first_public_key_verifies_what_it_signs(Jumbled(), lambda *_: True)
    with pytest.raises(AssertionError):
        contract.test_public_keys_are_raw_ed25519(Jumbled())
