"""
Manifests of real bundles, checked by the reference library of DSSE with the keys a service publishes.
"""

import base64
import copy
import json
from datetime import UTC, datetime

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey
from tests.bundles import OTHER_SIGNER, small_bundle
from tests.forgeries import files_of

from streampay_export._core.layout import MANIFEST
from streampay_export.http.representations import keys_form
from streampay_export.keys.derivation import KeyPurpose
from streampay_export.keys.local import LocalKeys

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def published(keys):
    """
    Keys as `GET /exports/keys` answers them, in the library's own form.
    """
    return [
        SSlibKey(each["key_id"], "ed25519", "ed25519", {"public": base64.b64decode(each["public_key"]).hex()})
        for each in keys_form(keys)["keys"]
    ]


def manifest_of(bundle):
    """
    The bundle's manifest, as JSON.
    """
    return json.loads(files_of(bundle)[MANIFEST])


def envelope_of(form):
    """
    Read by the library, which changes what it is given.
    """
    return Envelope.from_dict(copy.deepcopy(form))


@pytest.fixture
def rotated(tmp_path):
    """
    A bundle from before a rotation, one from after it, and the keys published then.
    """
    before = LocalKeys.init(tmp_path, created_at=NOW)
    after = LocalKeys.rotate(tmp_path, purposes=[KeyPurpose.MANIFEST], created_at=NOW)
    bundles = [small_bundle(signer=keys.manifests) for keys in (before, after)]
    return bundles, after.manifests.public_keys()


def test_bundles_from_before_and_after_a_rotation_verify(rotated):
    """
    Each by the one key that signed it, among all that are published.
    """
    (older, newer), (current, retired) = rotated
    for bundle, key in ((older, retired), (newer, current)):
        envelope = envelope_of(manifest_of(bundle))
        assert {key.key_id} == set(envelope.verify(published([current, retired]), 1))
        with pytest.raises(VerificationError):
            envelope.verify(published([current, retired]), 2)


def test_an_altered_manifest_and_a_foreign_key_are_refused(rotated):
    """
    One character of the payload, one bit of the signature, another type, or nobody's key.
    """
    (older, _), keys = rotated
    form = manifest_of(older)
    payload = base64.b64decode(form["payload"])
    signature = base64.b64decode(form["signatures"][0]["sig"])
    flipped = base64.b64encode(bytes([signature[0] ^ 1]) + signature[1:]).decode()
    altered = [
        {**form, "payload": base64.b64encode(payload.replace(b'"rows":3', b'"rows":2')).decode()},
        {**form, "payloadType": "application/json"},
        {**form, "signatures": [{**form["signatures"][0], "sig": flipped}]},
    ]

    for each in altered:
        assert each != form
        with pytest.raises(VerificationError):
            envelope_of(each).verify(published(keys), 1)
    with pytest.raises(VerificationError):
        envelope_of(form).verify(published(OTHER_SIGNER.public_keys()), 1)
