"""The Secrets that tools/cluster_secrets.py makes are those that manifests, drivers and mongod want."""

import subprocess
import sys
from ipaddress import ip_address

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from pymongo.uri_parser import parse_uri

from tests.unit.deployment.manifests import FULL, MONGODB, ROOT, manifest, variant
from tools.cluster_secrets import MEMBERS, Manifest, made

MADE: list[Manifest] = list(made("globeco-dev", MEMBERS, certificates=True))
CONTENT: dict[str, dict[str, str]] = {one["metadata"]["name"]: one["stringData"] for one in MADE}


@pytest.mark.parametrize(
    ("address", "user"),
    [
        (CONTENT[f"{MONGODB}-uri"]["uri"], "ordergen"),
        (yaml.safe_load(CONTENT[f"{MONGODB}-backup"]["mongodump.yaml"])["uri"], "backup"),
    ],
)
def test_addresses_are_of_users_members_and_the_set(address: str, user: str) -> None:
    """Which options a driver knows is its own matter: the file of the authority is where the pod has it."""
    without_file, _, file = address.rpartition("&tlsCAFile=")
    parsed = parse_uri(without_file, warn=True)
    assert (parsed["username"], parsed["password"]) == (user, CONTENT[f"{MONGODB}-users"][user])
    assert parsed["nodelist"] == [(f"{MONGODB}-{n}.{MONGODB}", 27017) for n in range(MEMBERS)]
    options = {name.lower(): value for name, value in parsed["options"].items()}
    assert (options["replicaset"], options["authsource"], options["tls"]) == ("ordergen", "admin", True)
    mounts = {mount["mountPath"] for one in variant(FULL) for mount in _mounts(one)}
    assert file.removesuffix("/ca.crt") in mounts


def _mounts(one: Manifest) -> list[Manifest]:
    spec = one["spec"]["jobTemplate"]["spec"] if one["kind"] == "CronJob" else one.get("spec", {})
    pod = spec.get("template", {}).get("spec", {"containers": []})
    return [mount for each in pod["containers"] for mount in each.get("volumeMounts", [])]


def test_the_certificate_has_every_name_that_members_are_called_by() -> None:
    """The same as cert-manager's, of the component `tls`."""
    files = CONTENT[f"{MONGODB}-tls"]
    certificate = x509.load_pem_x509_certificate(files["tls.crt"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    issued = manifest("Certificate", MONGODB, variant(FULL))["spec"]
    assert names.get_values_for_type(x509.DNSName) == issued["dnsNames"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address(one) for one in issued["ipAddresses"]]
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH} <= set(usages)


def test_key_and_certificate_are_in_one_file_for_mongod() -> None:
    files = CONTENT[f"{MONGODB}-tls"]
    combined = files["tls-combined.pem"].encode()
    certificate = x509.load_pem_x509_certificate(files["tls.crt"].encode())
    assert x509.load_pem_x509_certificates(combined)[0] == certificate
    assert load_pem_private_key(combined, None).public_key() == certificate.public_key()


def test_the_keyfile_is_of_letters_and_a_length_that_mongod_takes() -> None:
    assert 6 <= len(CONTENT[f"{MONGODB}-keyfile"]["keyfile"]) <= 1024


def test_nothing_is_made_twice_the_same() -> None:
    again = {
        one["metadata"]["name"]: one["stringData"] for one in made("globeco-dev", MEMBERS, certificates=True)
    }
    for name, content in CONTENT.items():
        assert not set(content.values()) & set(again[name].values())


def test_it_prints_manifests_and_cert_managers_part_is_left_to_it() -> None:
    command = [sys.executable, "-m", "tools.cluster_secrets", "--namespace", "globeco", "--members", "3"]
    answer = subprocess.run(
        [*command, "--without-certificates"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = {one["metadata"]["name"] for one in yaml.safe_load_all(answer.stdout)}
    assert names == CONTENT.keys() - {f"{MONGODB}-tls"}
