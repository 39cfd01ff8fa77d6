"""Whoever issues tokens, and those who forge them."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://issuer.test", "ordergen"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Claims = dict[str, Any]


@cache
def private_key(algorithm: str, number: int = 0) -> PrivateKey:
    """A key for an algorithm; each number has one of its own."""
    del number
    if algorithm == "RS256":
        return rsa.generate_private_key(65537, 2048)
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate()


def described(key: PrivateKey, kid: str, **more: object) -> dict[str, Any]:
    """The public key as a JWK."""
    if isinstance(key, rsa.RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key())
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(key.public_key())
    else:
        jwk = OKPAlgorithm.to_jwk(key.public_key())
    return {**json.loads(jwk), "kid": kid, **more}


def claims(subject: str = "ann", scope: str = "ordergen:read", **changed: object) -> Claims:
    """What a good token says; None leaves a claim out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope, "iat": now, "exp": now + 3600}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


@dataclass
class Issuer:
    """Signs tokens with the keys of its set; `algorithms` has that of each kid."""

    algorithms: dict[str, str] = field(default_factory=lambda: {"first": "RS256"})

    def key_set(self) -> bytes:
        """The set as it is published."""
        keys = [described(self.key(kid), kid) for kid in self.algorithms]
        return json.dumps({"keys": keys}).encode()

    def key(self, kid: str) -> PrivateKey:
        """The private key of a kid, whether it is in the set or not."""
        return private_key(self.algorithms.get(kid, "RS256"), hash(kid))

    def token(self, kid: str = "first", said: Claims | None = None, **changed: object) -> str:
        """A token of ours, good unless the claims are changed."""
        algorithm = self.algorithms.get(kid, "RS256")
        payload = claims(**changed) if said is None else said  # type: ignore[arg-type] # whatever a test says
        return jwt.encode(payload, self.key(kid), algorithm, {"kid": kid})


class KeyServer:
    """Publishes a key set over https; down while `status` is not 200."""

    def __init__(self, issuer: Issuer, authority: trustme.CA) -> None:
        self.issuer = issuer
        self.status = 200
        self.asked = 0
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.socket = server_context(authority).wrap_socket(server.socket, server_side=True)
        self._server = server
        self.url = f"https://127.0.0.1:{server.server_port}/keys"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked += 1
                self.send_response(owner.status)
                self.end_headers()
                if owner.status == 200:
                    self.wfile.write(owner.issuer.key_set())

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        return Handler

    @contextmanager
    def running(self) -> Iterator["KeyServer"]:
        thread = Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """What a TLS server of 127.0.0.1 needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context
