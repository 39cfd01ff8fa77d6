"""start-replica-set.js makes set, users and members, whatever is there already; by a stand-in for mongosh."""

import json
import subprocess
from pathlib import Path
from typing import Any

import playwright
import pytest

from tests.unit.deployment.manifests import FULL, MONGODB, SERVICE, container, manifest, variant
from tools.cluster_secrets import USERS

#: A Node that is here anyway.
NODE = Path(playwright.__file__).with_name("driver") / "node"
SCRIPT = manifest("ConfigMap", MONGODB)["data"]["start-replica-set.js"]
HOSTS = [f"{MONGODB}-{number}.{MONGODB}:27017" for number in range(3)]
INITIATED = {
    "_id": "ordergen",
    "members": [{"_id": n, "host": host, "priority": 1 if n else 2} for n, host in enumerate(HOSTS)],
}
ROLES = {
    "ordergen": [{"role": "readWrite", "db": "ordergen"}],
    "backup": [{"role": "backup", "db": "admin"}],
    "exporter": [{"role": "clusterMonitor", "db": "admin"}],
}
#: What mongosh gives a script: `given` is the state of the member, `done` what the script did.
STAND_IN = """
const given = JSON.parse(process.argv[2]), done = [];
const refused = (code) => Object.assign(new Error("refused"), { code });
const admin = {
  auth(user, password) {
    if (given.users[user] !== password) throw refused(given.failure || 18);
    done.push(["auth", user]);
  },
  getUser: (user) => user in given.users ? { user } : null,
  createUser(wanted) {
    if (wanted.user in given.users) throw refused(51003);
    given.users[wanted.user] = wanted.pwd;
    done.push(["createUser", wanted]);
  },
  getRole: (role) => given.roles.includes(role) ? { role } : null,
  createRole(wanted) { done.push(["createRole", wanted.role]); },
  grantRolesToUser(user, roles) { done.push(["grantRolesToUser", user, roles]); },
  updateUser(user, wanted) { done.push(["updateUser", user, wanted]); },
};
const scope = {
  db: { hello: () => given.hello, getSiblingDB: () => admin },
  rs: {
    initiate: (config) => { done.push(["initiate", config]); },
    conf: () => ({ members: given.hosts.map((host) => ({ host })) }),
    add: (member) => { done.push(["add", member]); },
  },
  require: () => ({ readFileSync: (path) => "password of " + path.split("/").pop() + "\\n" }),
  process: { env: given.env },
  quit: (code) => { console.log(JSON.stringify({ code, done })); process.exit(0); },
};
require("vm").runInNewContext(given.script, scope);
"""


def run(ordinal: int = 0, members: int = 3, **given: Any) -> tuple[int | None, list[Any]]:  # noqa: ANN401 - of JSON
    """With what the script ends (nothing: with an error), and what it did."""
    state = {
        "script": SCRIPT,
        "env": {"MEMBER": f"{MONGODB}-{ordinal}", "MEMBERS": str(members)},
        "hello": {},
        "hosts": HOSTS[:members],
        "users": {},
        "roles": [],
        **given,
    }
    answer = subprocess.run(
        [NODE, "-e", STAND_IN, "-", json.dumps(state)], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        assert "refused" in answer.stderr
        return None, []
    told = json.loads(answer.stdout)
    return told["code"], told["done"]


def secret(user: str) -> str:
    return f"password of {user}"


def test_the_first_member_makes_the_set_of_all_and_looks_again() -> None:
    assert run(hello={"isreplicaset": True}) == (1, [["initiate", INITIATED]])


def test_the_others_wait_to_be_taken_in() -> None:
    assert run(ordinal=1, hello={"isreplicaset": True}) == (0, [])
    assert run(ordinal=2, hello={"setName": "ordergen", "secondary": True}) == (0, [])


def test_the_first_member_has_not_started_before_it_is_primary() -> None:
    assert run(hello={"setName": "ordergen", "secondary": True}) == (1, [])


def test_users_are_made_with_no_more_than_they_need() -> None:
    code, done = run(hello={"isWritablePrimary": True})
    first, *others = [one for name, *one in done if name == "createUser"]
    assert (code, first) == (0, [{"user": "admin", "pwd": secret("admin"), "roles": ["root"]}])
    assert others == [[{"user": user, "pwd": secret(user), "roles": roles}] for user, roles in ROLES.items()]
    assert {"admin", *ROLES} == set(USERS)
    assert ["createRole", "replay"] in done
    assert [one for one in done if one[0] == "grantRolesToUser"] == [
        ["grantRolesToUser", "admin", ["replay"]]
    ]


def test_users_that_are_there_get_the_passwords_of_the_secret() -> None:
    users = {"admin": secret("admin"), "ordergen": "an old one", "backup": "", "exporter": ""}
    code, done = run(hello={"isWritablePrimary": True}, users=users, roles=["replay"])
    assert (code, done) == (
        0,
        [
            ["auth", "admin"],
            ["grantRolesToUser", "admin", ["replay"]],
            *(["updateUser", user, {"pwd": secret(user), "roles": roles}] for user, roles in ROLES.items()),
        ],
    )


def test_members_that_are_missing_are_added_after_all_else() -> None:
    code, done = run(hello={"isWritablePrimary": True}, hosts=HOSTS[:1])
    assert code == 0
    assert done[-2:] == [["add", {"host": host, "priority": 1}] for host in HOSTS[1:]]


def test_a_password_of_the_administrator_that_is_not_the_secrets_is_an_error() -> None:
    assert run(hello={"isWritablePrimary": True}, users={"admin": "another"}) == (None, [])


def test_a_failure_that_is_not_of_the_password_makes_no_user() -> None:
    assert run(hello={"isWritablePrimary": True}, failure=91) == (None, [])


@pytest.mark.parametrize(("name", "members"), [("base", 1), (FULL, 3)])
def test_there_are_as_many_members_as_the_script_is_told(name: str, members: int) -> None:
    resources = variant(name)
    given = {one["name"]: one.get("value") for one in container("StatefulSet", MONGODB, resources)["env"]}
    assert manifest("StatefulSet", MONGODB, resources)["spec"]["replicas"] == members
    assert given["MEMBERS"] == str(members)


def test_the_set_and_the_database_are_called_as_elsewhere() -> None:
    configuration = manifest("ConfigMap", MONGODB)["data"]["mongod.conf"]
    assert "replSetName: ordergen" in configuration
    assert manifest("ConfigMap", SERVICE)["data"]["ORDERGEN_MONGODB_DATABASE"] == "ordergen"
    service = manifest("StatefulSet", MONGODB)["spec"]
    assert (service["serviceName"], service["podManagementPolicy"]) == (MONGODB, "Parallel")
    assert manifest("Service", MONGODB)["spec"]["publishNotReadyAddresses"] is True
