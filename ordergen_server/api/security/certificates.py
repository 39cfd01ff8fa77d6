"""Whom a client certificate stands for: its names by their kinds, as it has them itself (RFC 5280).

gRPC ends each name that it tells at a NUL, and a DNS name may have the form of a URI, or a URI that of a DNS
name: an authority that signs names of one kind only would speak for those of the other.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

from ordergen_server.domain.subjects import is_name

_log = logging.getLogger(__name__)

#: Certificates whose names are remembered: reading one takes some ten microseconds, and every call has one.
REMEMBERED = 1024


def certificate_names(auth_context: Mapping[str, Sequence[bytes]]) -> tuple[str, ...]:
    """The names of a client's certificate, from what `ServicerContext.auth_context()` has.

    They are its alternative names (URIs, then DNS names); where there are none of these, its common name.
    One is of the kind that it looks like, for a URI without a colon is left out, and so is any other name
    with one; likewise what is not printable, or too long.
    """
    return tuple(name for pem in auth_context.get("x509_pem_cert", ()) for name in _names(pem))


@lru_cache(REMEMBERED)
def _names(pem: bytes) -> tuple[str, ...]:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        named = tuple(_alternative(certificate)) or tuple(_common(certificate))
    # The handshake has checked whose it is, and not that everything in it can be read.
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        _log.debug("the names of a certificate cannot be read: %s", type(error).__name__)
        return ()
    return tuple(name for name, is_uri in named if (":" in name) is is_uri and is_name(name))


def _alternative(certificate: x509.Certificate) -> Iterator[tuple[str, bool]]:
    """Its URIs and DNS names, and whether each is a URI."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from ((name, True) for name in found.get_values_for_type(x509.UniformResourceIdentifier))
    yield from ((name, False) for name in found.get_values_for_type(x509.DNSName))


def _common(certificate: x509.Certificate) -> Iterator[tuple[str, bool]]:
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield str(attribute.value), False
