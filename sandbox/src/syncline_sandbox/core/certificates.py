"""Certificates to serve TLS with: paths of a given one, or a throw-away authority and what it issues.

Lives here: making them. What they are used for is in `server.py` and beside the Pub/Sub API.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_HOSTS = ("localhost", "127.0.0.1", "*.mktorest.com", "*.salesforce.com", "*.my.salesforce.com")
_VALID = timedelta(days=365)
_NO_USE = dict.fromkeys(
    "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign "
    "encipher_only decipher_only".split(),
    False,
)


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Paths of a PEM certificate chain and its key. `authority`: the PEM a client must trust; None: its own affair."""

    chain: Path
    key: Path
    authority: Path | None = None


def make_certificate(folder: Path, hosts: tuple[str, ...] = CERTIFICATE_HOSTS) -> Certificate:
    """Issue a throw-away authority and server certificate into *folder*; the authority's key is kept nowhere."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key)
    issued = _issued(key, hosts, authority, authority_key)
    made = Certificate(chain=folder / "server.pem", key=folder / "server.key", authority=folder / "ca.pem")
    made.key.touch(mode=0o600)
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    made.chain.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
    (folder / "ca.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return made


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _named("syncline-sandbox throw-away authority")
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        _begun(key.public_key(), name, name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USE, "key_cert_sign": True, "crl_sign": True}), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


def _issued(
    key: ec.EllipticCurvePrivateKey,
    hosts: tuple[str, ...],
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _begun(key.public_key(), _named("syncline-sandbox"), authority.subject)
        .add_extension(x509.SubjectAlternativeName([_host(name) for name in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**{**_NO_USE, "digital_signature": True}), critical=True)
        .add_extension(server, critical=False)
        .add_extension(issuer, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _begun(key: ec.EllipticCurvePublicKey, subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    numbered = builder.serial_number(x509.random_serial_number())
    return numbered.not_valid_before(now - timedelta(days=1)).not_valid_after(now + _VALID)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
