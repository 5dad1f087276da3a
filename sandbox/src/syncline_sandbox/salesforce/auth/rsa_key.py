"""The key a connected app's assertions are checked with, out of the certificate registered for it.

Lives here: reading PEM and checking RS256. `cryptography` is imported when it is first needed: most orgs never see an
assertion, and it takes longer to import than the rest of the sandbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


def read_public_key(pem: str) -> RSAPublicKey:
    """The key in a PEM certificate or public key. ValueError when there is none, or it is not RSA's."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    encoded = pem.encode()
    key = load_pem_public_key(encoded) if "BEGIN PUBLIC KEY" in pem else load_pem_x509_certificate(encoded).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not a certificate of an RSA key")
    return key


def is_signed(pem: str, message: bytes, signature: bytes) -> bool:
    """True when *signature* is that of *message* under RS256 and the key of this certificate."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        read_public_key(pem).verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
