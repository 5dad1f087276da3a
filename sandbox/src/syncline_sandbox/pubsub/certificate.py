"""A throw-away certificate for the gRPC face, where none is given: clients of the vendor's service speak TLS only.

It signs itself, so a client that trusts it trusts this server and nobody else.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncline_sandbox.core.certificates import Certificate

_HOSTS = ("localhost", "api.pubsub.salesforce.com", "*.pubsub.salesforce.com")
_VALID = timedelta(days=365)


def own_certificate(folder: Path) -> Certificate:
    """Make one in *folder*, for this machine's own names and the vendor's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "syncline-sandbox")])
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in _HOSTS]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "pubsub.pem", folder / "pubsub.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    secret.touch(mode=0o600)
    secret.write_bytes(written)
    return Certificate(chain=chain, key=secret, authority=chain)
