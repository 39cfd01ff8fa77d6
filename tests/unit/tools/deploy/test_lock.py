"""One deployment at a time, whatever becomes of the one that has the lock."""

import pytest

from tests.limits import PATIENCE
from tests.unit.tools.deploy.cluster import FakeCluster
from tests.waiting import eventually
from tools.deploy.errors import Locked, LockLost
from tools.deploy.kubectl import Kubectl
from tools.deploy.lock import NAME, DeployLock
from tools.deploy.manifests import Manifest

LEASE = f"Lease/{NAME}"


def lock(cluster: FakeCluster, holder: str, renewal_seconds: float = 0.05) -> DeployLock:
    return DeployLock(Kubectl(cluster.kubectl), round(PATIENCE), renewal_seconds, holder)


def of_another(cluster: FakeCluster, seconds: int = 1, version: str = "7") -> Manifest:
    """A Lease that somebody else has."""
    spec = {"holderIdentity": "another", "leaseDurationSeconds": seconds, "acquireTime": "noon"}
    metadata = {"name": NAME, "resourceVersion": version}
    found = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
    cluster.put(found)
    return found


def holder(cluster: FakeCluster) -> str | None:
    found: str | None = cluster.everything()[LEASE]["spec"].get("holderIdentity")
    return found


def test_it_is_taken_renewed_and_given_back(empty: FakeCluster) -> None:
    ours = lock(empty, "ours")
    with ours.held():
        assert holder(empty) == "ours"
        eventually(lambda: empty.count("lease replace") > 2)
        ours.check()
    assert holder(empty) is None
    with lock(empty, "next").held():
        assert holder(empty) == "next"


def test_it_is_not_taken_from_who_lives(empty: FakeCluster) -> None:
    """Who renews it at any time while it is valid."""
    of_another(empty)
    empty.plays(lease_get=[{}, {}, {"renewed": True}])
    with pytest.raises(Locked, match="another deploys since noon"), lock(empty, "ours").held():
        pass
    assert holder(empty) == "another"


def test_it_is_taken_from_who_died(empty: FakeCluster) -> None:
    """Whose Lease does not change for as long as it is valid, whatever clocks say."""
    of_another(empty, seconds=1)
    with lock(empty, "ours").held():
        assert holder(empty) == "ours"


def test_of_two_that_take_it_at_once_one_gets_it(empty: FakeCluster) -> None:
    """The other's write is of a version that is not there any more."""
    empty.plays(lease_create=[{"fail": "Error from server (AlreadyExists)"}])
    with pytest.raises(Locked, match="AlreadyExists"), lock(empty, "ours").held():
        pass


def test_who_loses_it_is_told(empty: FakeCluster) -> None:
    ours = lock(empty, "ours")
    with ours.held():
        of_another(empty, version="1000")

        def lost() -> str:
            try:
                ours.check()
            except LockLost as error:
                return str(error)
            return ""

        assert "Conflict" in eventually(lost)
    assert holder(empty) == "another"


@pytest.mark.parametrize(
    "odd", [{"says": "connection reset", "exits": 1}, {"says": "Warning: deprecated"}, {"says": "[]"}]
)
def test_a_renewal_whose_answer_is_lost_was_one(empty: FakeCluster, odd: dict[str, object]) -> None:
    """It was written: the next is of what is there, and not refused for ever as of an old version."""
    ours = lock(empty, "ours")
    with ours.held():
        empty.plays(lease_replace=[odd])
        count = empty.count("lease replace")
        eventually(lambda: empty.count("lease replace") > count + 1)
        version = int(empty.everything()[LEASE]["metadata"]["resourceVersion"])
        eventually(lambda: int(empty.everything()[LEASE]["metadata"]["resourceVersion"]) > version)
        ours.check()
    assert holder(empty) is None


def test_a_renewal_that_fails_once_changes_nothing(empty: FakeCluster) -> None:
    ours = lock(empty, "ours")
    with ours.held():
        empty.plays(lease_replace=[{"fail": "no route to host"}])
        count = empty.count("lease replace")
        eventually(lambda: empty.count("lease replace") > count + 2)
        ours.check()
    assert holder(empty) is None


def test_who_loses_it_while_deploying_touches_nothing_more(
    cluster: FakeCluster,
    following: list[Manifest],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another deploys: to go back would undo what that one does."""
    monkeypatch.setattr(DeployLock, "check", _lost_once_applied(cluster))
    assert cluster.deploy(following) == 23
    assert cluster.kinds()[-1] == "apply"
    assert capsys.readouterr().out.splitlines()[-1] == "State: unknown."


def _lost_once_applied(cluster: FakeCluster) -> object:
    def check(_: DeployLock) -> None:
        if cluster.count("apply"):
            raise LockLost("another has it")

    return check
