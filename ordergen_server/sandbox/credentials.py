"""Certificates and tokens of a stack that asks for them, by a CA and an issuer of its own."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from ordergen_server.domain.subjects import ADMIN, MODELS, READ, REBALANCE

ISSUER, AUDIENCE, KID = "https://issuer.sandbox", "ordergen", "sandbox"
CLIENT = "desk.sandbox"
TOKEN_SECONDS = 24 * 3600
#: The scopes of each subject that has a token.
SUBJECTS: dict[str, set[str]] = {
    "reader": {READ},
    "trader": {READ, MODELS, REBALANCE},
    "administrator": {READ, MODELS, REBALANCE, ADMIN},
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The files of a folder: PEM, a JSON Web Key Set, and tokens by the name of their subject."""

    ca: Path
    certificate: Path
    key: Path
    client_certificate: Path
    client_key: Path
    key_set: Path
    tokens: dict[str, Path]

    def as_json(self) -> dict[str, object]:
        """The paths for programs."""
        names = ("ca", "client_certificate", "client_key")
        tokens = {name: str(path) for name, path in self.tokens.items()}
        return {**{name: str(getattr(self, name)) for name in names}, "tokens": tokens}


def make_credentials(folder: Path) -> Credentials:
    """Make everything anew in a folder that only we can read; tokens are good for a day."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority, key = trustme.CA(), Ed25519PrivateKey.generate()
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    client = authority.issue_cert(CLIENT, common_name=CLIENT)
    described = {
        **json.loads(OKPAlgorithm.to_jwk(key.public_key())),
        "kid": KID,
        "alg": "EdDSA",
        "use": "sig",
    }

    def written(name: str, content: bytes) -> Path:
        path = folder / name
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
        return path

    tokens = {name: _token(key, name, scopes) for name, scopes in SUBJECTS.items()}
    for name, token in tokens.items():  # for tools that take headers from a file, and nobody sees them
        written(f"{name}.header", f"authorization: Bearer {token}\n".encode())
    return Credentials(
        ca=written("ca.pem", authority.cert_pem.bytes()),
        certificate=written("server.pem", b"".join(blob.bytes() for blob in server.cert_chain_pems)),
        key=written("server-key.pem", server.private_key_pem.bytes()),
        client_certificate=written("client.pem", b"".join(blob.bytes() for blob in client.cert_chain_pems)),
        client_key=written("client-key.pem", client.private_key_pem.bytes()),
        key_set=written("jwks.json", json.dumps({"keys": [described]}).encode()),
        tokens={name: written(f"{name}.token", token.encode()) for name, token in tokens.items()},
    )


def _token(key: Ed25519PrivateKey, subject: str, scopes: set[str]) -> str:
    now, scope = int(time.time()), " ".join(sorted(scopes))
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope, "iat": now}
    return jwt.encode({**claims, "exp": now + TOKEN_SECONDS}, key, "EdDSA", {"kid": KID})
