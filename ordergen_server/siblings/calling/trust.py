"""What failures of TLS mean, said so that a person knows what to look at.

Nothing of what the other side sent is repeated: only the words that OpenSSL, or gRPC's, has for it.
"""

import re
import ssl

from urllib3.exceptions import SSLError

from ordergen_server.siblings.calling.failures import AttemptFailed, NotTrusted

#: The answer of who wants a token, or another one; takes the status.
UNKNOWN_TO_THEM = "does not know who we are (status {}; see ORDERGEN_SIBLING_TOKEN)"
_OTHER_NAME = "has a certificate of another name than the one in its base URL"
_NO_TLS = "does not speak TLS at its port"
_WANTS_OURS = "wants a certificate of ours (see ORDERGEN_SIBLING_CERTIFICATE)"

#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL.
_OTHER_NAME_CODES = {62, 64}
_VERIFY_FAILED = re.compile(r"CERTIFICATE_VERIFY_FAILED: ([A-Za-z -]+)")


def tls_failure(error: SSLError) -> AttemptFailed:
    """The failure of an attempt over HTTP; one that only lost its connection may be repeated."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _OTHER_NAME_CODES:
            return NotTrusted(_OTHER_NAME)
        return NotTrusted(_not_trusted(cause.verify_message))
    reason = (getattr(cause, "reason", None) or "").replace("_", " ").lower()
    if "certificate required" in reason:
        return NotTrusted(_WANTS_OURS)
    if "alert" in reason:
        return NotTrusted(f"refused our TLS connection: {reason}")
    if reason in ("wrong version number", "http request", "record layer failure"):
        return NotTrusted(_NO_TLS)
    return AttemptFailed("broke off the TLS connection")


def handshake_failure(details: str, *, shows_certificate: bool) -> AttemptFailed | None:
    """The failure of an attempt over gRPC whose connection failed with these details; None: not by TLS."""
    if "Hostname Verification Check failed" in details:
        return NotTrusted(_OTHER_NAME)
    if found := _VERIFY_FAILED.search(details):
        return NotTrusted(_not_trusted(found[1].strip()))
    if "WRONG_VERSION_NUMBER" in details:
        return NotTrusted(_NO_TLS)
    if "Tls handshake failed" in details:
        return NotTrusted("refused our TLS connection")
    if "Socket closed" in details or "Unwrap failed" in details:
        # gRPC does not tell who looks at certificates from who goes away, which may be mended by then.
        wanted = "not trust our certificate" if shows_certificate else "want a certificate of ours"
        return AttemptFailed(f"closed the TLS connection; it may {wanted}")
    return None


def _not_trusted(why: str) -> str:
    return f"has a certificate that is not trusted ({why}; see ORDERGEN_SIBLING_CA)"
