"""A message that does not come: whose time ended is said."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from ordergen_server.api.admission.inbox import Inbox
from ordergen_server.api.wire.routes import asked
from ordergen_server.domain.errors import DeadlineExceeded

if TYPE_CHECKING:
    from ordergen_server.api.wire.exchange import Exchange


@dataclass
class Silent:
    """A call of which nothing but the headers came."""

    seconds_left: float
    connection: str = "ipv4:127.0.0.1:1"

    async def read(self) -> bytes | None:
        await asyncio.Event().wait()
        return None


@pytest.mark.parametrize(
    ("seconds", "left", "said"),
    [
        (0.01, 60, "The call's message did not come within 0.0 s: send it with the headers."),
        (60, 0.01, "The deadline passed before the message came: give the call more time."),
        (60, -1, "The deadline passed before the message came: give the call more time."),
    ],
)
def test_it_is_said_whether_the_caller_s_time_ended_or_the_server_s(
    seconds: float, left: float, said: str
) -> None:
    with pytest.raises(DeadlineExceeded) as late:
        asyncio.run(asked(cast("Exchange", Silent(left)), Inbox(), seconds))
    assert (late.value.message, late.value.metadata) == (said, {"step": "the message came"})
