"""Who work is done for follows the work, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from ordergen_server.domain.subjects import Subject, acting_as, current_actor


def test_nobody_is_known_but_in_a_block() -> None:
    assert current_actor() == ""
    with acting_as(Subject("ann")):
        with acting_as(Subject("bob")):
            assert current_actor() == "bob"
        assert current_actor() == "ann"
    assert current_actor() == ""


def test_a_thread_knows_it_by_a_copy_of_the_context() -> None:
    with ThreadPoolExecutor(1) as threads:
        with acting_as(Subject("ann")):
            copied = threads.submit(copy_context().run, current_actor)
            alone = threads.submit(current_actor)
        assert (copied.result(), alone.result()) == ("ann", "")
        assert threads.submit(current_actor).result() == ""
