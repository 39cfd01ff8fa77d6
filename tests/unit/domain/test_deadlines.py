"""Time that is left, and none."""

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DeadlineExceeded


def test_there_is_time_left() -> None:
    assert 0 < Deadline.after(60).remaining_seconds("working") <= 60


@pytest.mark.parametrize("seconds", [0, -1])
def test_there_is_none(seconds: float) -> None:
    with pytest.raises(DeadlineExceeded, match="before working") as raised:
        Deadline.after(seconds).remaining_seconds("working")
    assert raised.value.metadata == {"step": "working"}
