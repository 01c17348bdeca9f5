"""
What derives from what: labels keep purposes apart, and known answers hold.
"""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from streampay_export._core.signature import public_key_id
from streampay_export.errors import KeysMissing
from streampay_export.keys.derivation import KeyPurpose, derive, public_id
from streampay_export.keys.memory import MemoryKeys
from streampay_export.keys.ring import KeyRing
from streampay_export.keys.sealing import JobSealer
from streampay_export.keys.table import new_table
from streampay_export.ports.signing import KeyState
from streampay_export.signing.ed25519 import Ed25519Key, Ed25519Signer
from streampay_export.signing.hmac import HmacKey, HmacSigner

SECRET = bytes(range(32))


def test_labels_are_what_they_were():
    """
    A changed label loses everything made under it: the words are fixed here.
    """
    info = b"streampay-export 1 ticket\ncontext"
    expected = HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(SECRET)

    assert expected == derive(SECRET, KeyPurpose.TICKET, b"context")
    assert " ".join(KeyPurpose) == (
        "key-encryption owner-tag tombstone audit-pseudonym audit-chain checkpoint manifest ticket cursor"
    )


def test_every_purpose_has_a_key_of_its_own():
    """
    No two purposes, no key and its id, and no two contexts give the same bytes.
    """
    keys = [derive(SECRET, purpose) for purpose in KeyPurpose]
    keys += [derive(SECRET, "wrap", context) for context in (b"a", b"\na", b"a\n")]
    ids = [public_id(SECRET, purpose) for purpose in KeyPurpose]

    assert len(keys) == len(set(keys))
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_secret_of_another_length_is_refused(size):
    """
    Nothing derives from a short secret, and no job key of another length is wrapped.
    """
    with pytest.raises(ValueError, match="32 bytes"):
        derive(bytes(size), KeyPurpose.TICKET)
    with pytest.raises(ValueError, match="32 bytes"):
        MemoryKeys().provider.wrap(bytes(size), b"job")


def test_a_seeded_ring_is_the_same_every_time():
    """
    Keys follow from the seed alone; seeds that differ give keys that differ.
    """
    one, again, other, unseeded, random = (
        MemoryKeys(b"one"),
        MemoryKeys(b"one"),
        MemoryKeys(b"two"),
        MemoryKeys(),
        MemoryKeys(),
    )

    assert one.describe() == again.describe()
    for left, right in pairwise((one, other, unseeded, random)):
        assert not {row.key_id for row in left.describe()} & {row.key_id for row in right.describe()}
    assert {"memory"} == {row.where for row in one.describe()}


def test_tickets_and_cursors_are_not_exchangeable():
    """
    A signature of one purpose is none of the other.
    """
    keys = MemoryKeys()

    assert not keys.tickets.verify(b"m", keys.cursors.sign(b"m"))
    assert not keys.cursors.verify(b"m", keys.tickets.sign(b"m"))


def test_seals_draw_their_nonces_from_the_given_randomness():
    """
    A seal is version, twelve drawn bytes, and ChaCha20-Poly1305 under the job key's own sub-key.
    """
    sealed = MemoryKeys(randomness=lambda size: b"\7" * size).sealer(SECRET).seal(b"alice")

    assert sealed[:13] == b"\1" + b"\7" * 12
    assert ChaCha20Poly1305(derive(SECRET, "seal")).decrypt(b"\7" * 12, sealed[13:], b"\1") == b"alice"


def test_a_seal_of_another_version_is_refused():
    """
    A version byte that is not ours is refused, even with everything else right.
    """
    sealed = JobSealer(SECRET).seal(b"alice")

    with pytest.raises(KeysMissing, match="does not open"):
        JobSealer(SECRET).unseal(b"\2" + sealed[1:])


def test_hmac_sha256_known_answer():
    """
    RFC 4231, test case 1.
    """
    signer = HmacSigner([HmacKey(key_id="k", secret=b"\x0b" * 20)])

    assert (
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" == signer.sign(b"Hi There").value.hex()
    )


def test_ed25519_known_answer():
    """
    RFC 8032, 7.1, test 2; the id is the first characters of the public key's SHA-256 in base32.
    """
    key = Ed25519Key(seed=bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    signer = Ed25519Signer([key])
    (public,) = signer.public_keys()

    assert "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c" == public.raw.hex()
    assert (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ) == signer.sign(b"\x72").value.hex()
    assert public.key_id == public_key_id(public.raw)


@pytest.mark.parametrize("signer", [HmacSigner, Ed25519Signer])
def test_a_signer_without_a_current_key_is_refused(signer):
    """
    No key, or none that is current: nothing could be signed.
    """
    retired = {
        HmacSigner: HmacKey(key_id="k", secret=SECRET, state=KeyState.RETIRED),
        Ed25519Signer: Ed25519Key(seed=SECRET, state=KeyState.RETIRED),
    }[signer]
    for keys in ([], [retired]):
        with pytest.raises(KeysMissing, match="current"):
            signer(keys)


def test_comparing_takes_the_same_time_for_every_wrong_signature(monkeypatch):
    """
    The comparison is `hmac.compare_digest` and no other.
    """
    compared = []
    monkeypatch.setattr("hmac.compare_digest", lambda a, b: compared.append((a, b)) or False)
    signer = HmacSigner([HmacKey(key_id="k", secret=SECRET)])
    signature = signer.sign(b"m")

    assert not signer.verify(b"m", signature)
    assert compared == [(signature.value, signature.value)]


def test_secrets_are_in_no_text():
    """
    Keys do not show their secrets.
    """
    shown = repr(HmacKey(key_id="k", secret=b"SECRET")) + repr(Ed25519Key(seed=b"SECRET"))

    assert "SECRET" not in shown


def test_no_key_serves_two_algorithms():
    """
    Tickets by Ed25519 are signed under a key derived from the one that HMAC has, never under its bytes.
    """
    table = new_table(datetime(2026, 1, 1, tzinfo=UTC), lambda size: bytes(range(size)))
    ring = KeyRing(table, where="memory")
    ((_, secret),) = table.of(KeyPurpose.TICKET)
    message = ring.ed25519_tickets.sign(b"message")

    assert Ed25519Key(seed=secret).public().key_id != message.key_id
    assert not ring.tickets.verify(b"message", message)
