"""Writes that the service does once for a request id have one, so that they can be tried again."""

import json
import uuid
from typing import Any

import pytest

from ordergen_client.calls import models, portfolios, run_orders, runs, submissions
from ordergen_client.connecting.channels import _service_config

ID = "a" * 24
WRITES: list[Any] = [
    lambda **given: models.create("A", **given),
    lambda **given: portfolios.rebalance("A" * 24, **given),
    lambda **given: runs.start(ID, **given),
    lambda **given: run_orders.submit(ID, **given),
]


def retried(*, named_writes: bool) -> set[str]:
    config: Any = json.loads(json.dumps(_service_config(named_writes=named_writes)))
    return {one["method"] for part in config["methodConfig"] for one in part["name"]}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_has_the_callers_request_id_or_one_of_its_own(write: Any) -> None:  # noqa: ANN401 - a call
    made = [write().request.request_id for _ in range(2)]
    assert [uuid.UUID(one).version for one in made] == [4, 4]
    assert made[0] != made[1]
    given = str(uuid.uuid4())
    assert write(request_id=given).request.request_id == given


def test_every_write_that_is_tried_again_has_a_request_id() -> None:
    described = {write().method for write in WRITES}
    assert retried(named_writes=True) - retried(named_writes=False) == described


def test_a_run_that_ends_with_its_call_is_not_begun_again() -> None:
    """One whose connection broke is cancelled: to join it would tell of a run that was."""
    assert runs.stream(ID).method not in retried(named_writes=True)


def test_all_reads_are_tried_again() -> None:
    reads = {"GetModel", "ListModels", "GetRebalance", "ListRebalances", "ListPortfolioRebalances"}
    reads |= {"GetPortfolioRebalance", "ResolveSecurities", "ResolvePortfolios", "Diagnose", "CheckDrift"}
    reads |= {"CompareOptions"}
    reads |= {"GetPortfolioSettings", "ListPortfolioSettings"}
    reads |= {"ListOrders", "ListRebalanceEvents", "GetOrderSubmission", "AggregateOrders", "AllocateFill"}
    reads |= {"ReconcileOrders"}
    assert retried(named_writes=False) - {REVIEW.method} == reads


#: Twice it is as it is once: the latest decision of each person counts.
REVIEW = run_orders.review(ID, "APPROVED")


def test_a_review_is_tried_again_and_no_cancelling_is() -> None:
    assert REVIEW.method in retried(named_writes=False)
    assert submissions.cancel(ID).method not in retried(named_writes=True)
