"""Makes the Secrets that kubernetes/ refers to, new and random each time, and prints them for kubectl.

python -m tools.cluster_secrets --namespace globeco-dev | kubectl create -f -

They are written nowhere else. With `--without-certificates` cert-manager makes those, by the component `tls`.
"""

import argparse
import base64
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import trustme
import yaml

SERVICE = "globeco-order-generation-service"
MONGODB = f"{SERVICE}-mongodb"
#: The users of the database, as start-replica-set.js makes them.
USERS = ("admin", "ordergen", "backup", "exporter")
#: Certificates name so many members: three are the most that there are.
MEMBERS = 3
_KEYFILE_BYTES = 756  # 1,008 letters in base64, of the 1,024 that mongod reads

Manifest = dict[str, Any]


def made(namespace: str, members: int, *, certificates: bool) -> Iterator[Manifest]:
    """Every Secret, for a database of so many members."""
    passwords = {user: secrets.token_urlsafe(32) for user in USERS}
    keyfile = base64.b64encode(secrets.token_bytes(_KEYFILE_BYTES)).decode()
    uri = address("ordergen", passwords["ordergen"], members, "/var/run/secrets/mongodb/ca.crt")
    dump = address("backup", passwords["backup"], members, "/var/run/secrets/mongodb-backup/ca.crt")
    yield _secret(namespace, f"{MONGODB}-users", passwords)
    yield _secret(namespace, f"{MONGODB}-keyfile", {"keyfile": keyfile})
    yield _secret(namespace, f"{MONGODB}-uri", {"uri": uri})
    yield _secret(namespace, f"{MONGODB}-backup", {"mongodump.yaml": yaml.safe_dump({"uri": dump})})
    if certificates:
        yield _secret(namespace, f"{MONGODB}-tls", _certificate())


def address(user: str, password: str, members: int, authority: str) -> str:
    """What a client of the database is given; the password is of letters that need no escape."""
    hosts = ",".join(f"{name}:27017" for name in _hosts(members))
    options = f"replicaSet=ordergen&authSource=admin&tls=true&tlsCAFile={authority}"
    return f"mongodb://{user}:{password}@{hosts}/?{options}"


def _hosts(members: int) -> list[str]:
    return [f"{MONGODB}-{number}.{MONGODB}" for number in range(members)]


def _certificate() -> dict[str, str]:
    """Of an authority that is forgotten at once, under every name that members are called by."""
    authority = trustme.CA()
    issued = authority.issue_cert(MONGODB, *_hosts(MEMBERS), "127.0.0.1")
    key = issued.private_key_pem.bytes().decode()
    chain = "".join(one.bytes().decode() for one in issued.cert_chain_pems)
    return {
        "ca.crt": authority.cert_pem.bytes().decode(),
        "tls.crt": chain,
        "tls.key": key,
        "tls-combined.pem": key + chain,
    }


def _secret(namespace: str, name: str, data: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "globeco-order-generation"},
        },
        "stringData": dict(data),
    }


def main() -> int:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster_secrets", description=__doc__)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--members", type=int, choices=(1, MEMBERS), default=1, help="of the database (1)")
    parser.add_argument("--without-certificates", action="store_true", help="cert-manager makes them")
    options = parser.parse_args()
    if sys.stdout.isatty():
        parser.error("these are secrets: pipe them into kubectl")
    found = made(options.namespace, options.members, certificates=not options.without_certificates)
    yaml.safe_dump_all(found, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
