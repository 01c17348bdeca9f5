"""
Looking for a text in a bundle, however it may have been written down.
"""

import base64
import binascii
import io
import json
import re
import zipfile
from urllib.parse import quote

# What may be base64 or hexadecimal, and is long enough to hold anything.
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")


def members(bundle):
    """
    The files of a bundle by name.
    """
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def readings(data):
    """
    A file as it is; its JSON, also line by line, without escapes; what is base64 or hexadecimal in it, decoded.
    """
    yield data
    for document in (data, *data.splitlines()):
        try:
            yield json.dumps(json.loads(document), ensure_ascii=False).encode()
        except ValueError:
            continue
    yield b"\n".join(decoded for found in ENCODED.findall(data) for decoded in _decoded(found))


def _decoded(text):
    bare = text.rstrip(b"=")
    for alphabet in (b"+/", b"-_"):
        try:
            yield base64.b64decode(bare + b"=" * (-len(bare) % 4), alphabet, validate=True)
        except binascii.Error:
            continue
    try:
        yield bytes.fromhex(text.decode())
    except ValueError:
        return


def spellings(text):
    """
    A text as bytes, escaped, in base64 at any offset, in hexadecimal, in UTF-16, backwards.
    """
    raw = text.encode()
    yield raw
    yield json.dumps(text)[1:-1].encode()
    yield quote(text).encode()
    yield text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&#34;").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield text.encode("utf-16-le")
    yield raw[::-1]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        # Six bits a character: those at both ends depend on what stands beside the text.
        whole = encoded[-(-8 * offset // 6) : 8 * (offset + len(raw)) // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


def found(bundle, texts):
    """
    Which of these texts are anywhere in a bundle, and in which of its files.
    """
    read = {name: b"\0".join(readings(data)) for name, data in members(bundle).items()}
    return {
        (text, name)
        for text in texts
        for name, data in read.items()
        if any(spelling in data for spelling in spellings(text))
    }
