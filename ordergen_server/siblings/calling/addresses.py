"""Base URLs of siblings: looked at before anything is sent there, and never repeated in a message."""

import urllib3
from urllib3.exceptions import LocationParseError
from urllib3.util import Url

from ordergen_server.siblings.calling.config import SiblingConfig

HTTP = ("http", "https")
GRPC = ("grpc", "grpcs")
#: By the scheme of a base URL: whether what is sent there is encrypted.
ENCRYPTED = {"http": False, "https": True, "grpc": False, "grpcs": True}


def scheme_of(service: str, config: SiblingConfig) -> str:
    """The scheme of a base URL.

    Raises:
        ValueError: nobody knows it; the URL has a user or a password in it; or our token would be sent in
            plain text.
    """
    if "@" in config.base_url:
        raise ValueError(
            f"{service}: its base URL has a user or a password in it; "
            "use ORDERGEN_SIBLING_TOKEN_FILE, or a certificate"
        )
    scheme = config.base_url.partition("://")[0]
    if scheme not in ENCRYPTED:
        known = ", ".join(f"{each}://" for each in ENCRYPTED)
        raise ValueError(f"{service}: its base URL begins with none of {known}")
    if config.token and not ENCRYPTED[scheme] and not config.token_in_plain_text:
        raise ValueError(
            f"{service}: our token would be sent in plain text to a base URL of {scheme}://; "
            f"take {scheme}s://, or allow it with ORDERGEN_SIBLING_TOKEN_INSECURE=true"
        )
    return scheme


def http_url(service: str, config: SiblingConfig) -> Url:
    """The parts of a base URL over HTTP.

    Raises:
        ValueError: it is none, or as `scheme_of` has it.
    """
    scheme, url = scheme_of(service, config), _parsed(config.base_url)
    if scheme not in HTTP or not url.host or url.query or url.fragment:
        raise ValueError(f"{service}: its base URL is not like http://host:port")
    return url


def grpc_url(service: str, config: SiblingConfig) -> Url:
    """The parts of a base URL over gRPC, which has no path.

    Raises:
        ValueError: it is none, or as `scheme_of` has it.
    """
    scheme, url = scheme_of(service, config), _parsed(config.base_url)
    if scheme not in GRPC or not url.host or not url.port or url.path not in (None, "/") or url.query:
        raise ValueError(f"{service}: its base URL is not like grpc://host:port")
    return url


def _parsed(base_url: str) -> Url:
    try:
        return urllib3.util.parse_url(base_url)
    except LocationParseError:
        return Url()
