"""Submissions on one clock, with faults at every step of calls, readings, writes and servers."""

from hypothesis import HealthCheck, settings

from tests.limits import examples
from tests.order_machine import OrderMachine
from tests.order_world import SETTLE, World


class Machine(OrderMachine):
    """In memory, where a day takes no time."""

    make_world = World
    late = SETTLE - 1
    longest = 2 * SETTLE


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=examples(400),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
