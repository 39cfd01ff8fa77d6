"""The names of a client certificate, each of the kind that it is."""

import pytest
import trustme
from cryptography import x509

from ordergen_server.api.security import certificate_names
from tests.tls import with_names

URI, DNS, IP = x509.UniformResourceIdentifier, x509.DNSName, x509.IPAddress


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def names_of(certificate: trustme.LeafCert) -> tuple[str, ...]:
    pem = certificate.cert_chain_pems[0].bytes()
    # What gRPC itself makes of the names is not looked at.
    return certificate_names({"x509_pem_cert": [pem], "peer_uri": [b"other"], "x509_common_name": [b"other"]})


@pytest.mark.parametrize(
    ("names", "common_name", "expected"),
    [
        ((), "desk", ("desk",)),
        ((DNS("a.b"), DNS("c.d")), "desk", ("a.b", "c.d")),
        ((DNS("a.b"), URI("spiffe://a/b")), "", ("spiffe://a/b", "a.b")),
        ((x509.RFC822Name("desk@a.b"),), "desk", ("desk",)),
    ],
)
def test_alternative_names_or_else_the_common_name(
    authority: trustme.CA, names: tuple[x509.GeneralName, ...], common_name: str, expected: tuple[str, ...]
) -> None:
    assert names_of(with_names(authority, *names, common_name=common_name)) == expected


@pytest.mark.parametrize(
    "name",
    [
        DNS("spiffe://a/b"),
        URI("a.b"),
        DNS("a.b\0.evil"),
        URI("spiffe://a/b\0"),
        URI("spiffe://a\nb"),
        DNS(""),
        URI("spiffe://" + "a" * 255),
    ],
)
def test_what_is_none_of_its_kind_is_no_name(authority: trustme.CA, name: x509.GeneralName) -> None:
    """And the common name does not take its place."""
    assert names_of(with_names(authority, name, common_name="desk")) == ()
    assert names_of(with_names(authority, name, DNS("c.d"))) == ("c.d",)


@pytest.mark.parametrize("common_name", ["spiffe://a/b", "desk\0.evil"])
def test_a_common_name_that_reads_like_a_uri_is_none(authority: trustme.CA, common_name: str) -> None:
    assert names_of(with_names(authority, common_name=common_name)) == ()


def test_without_a_certificate_that_can_be_read_there_is_no_name(authority: trustme.CA) -> None:
    assert certificate_names({}) == ()
    assert certificate_names({"x509_pem_cert": [b"no PEM"]}) == ()
    twice = with_names(authority, x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"))
    assert names_of(twice) == ()
