"""Random sequences of calls beside a plain description of the rules: never a difference."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import field_mask_pb2
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.integration.api.model_calls import Failure, attempt, get, line, pb
from tests.limits import sized

OK, BAD, MISSING, TAKEN, LATE = "OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "ABORTED"
SECURITIES = [f"S{number}".ljust(24, "0") for number in range(4)]
PORTFOLIOS = [f"P{number}".ljust(24, "0") for number in range(4)]
LIMIT = Decimal("0.95")

names = st.sampled_from(["A", "B", "C", "D", " ", "x" * 256])
weights = st.sampled_from(["0.005", "0.1", "0.2", "0.3", "0", "0.951", "-0.1", ""])
drifts = st.sampled_from(["", "0", "0.05", "0.1", "1", "1.01"])
good_lines = st.builds(
    line,
    st.sampled_from(SECURITIES),
    st.sampled_from(["0.1", "0.2", "0.45", "0"]),
    st.sampled_from(["", "0.05"]),
    st.sampled_from(["0.05", "1"]),
)
matches = st.sampled_from(["", "", "0.1", "0.05"])
bad_lines = st.builds(line, st.sampled_from([*SECURITIES, "bad"]), weights, drifts, drifts)
lines_ = good_lines | good_lines | good_lines | bad_lines
ids = st.lists(st.sampled_from(PORTFOLIOS), max_size=3)
messages = st.builds(model_pb2.Model, name=names, positions=st.lists(lines_, max_size=3), portfolio_ids=ids)
masks = st.lists(st.sampled_from(["name", "positions", "portfolio_ids"]), max_size=2)
versions = st.sampled_from([0, 0, 0, 1, -1])
"""How far the version given is from the current one; 0 is the current one, or none where that may be."""

Rows = dict[str, tuple[Decimal, Decimal, Decimal]]


class Told(Exception):
    """The call is refused with this status."""


class Book:
    """One model as the rules describe it: a name, a row a security, a set of portfolios, a version."""

    def __init__(self, name: str, rows: Rows, portfolios: list[str]) -> None:
        self.name, self.rows, self.portfolios, self.version = name, rows, portfolios, 1

    def state(self) -> tuple[object, ...]:
        return (self.name, list(self.rows.items()), self.portfolios)


def value(text: str) -> Decimal:
    return Decimal(text or "0")


def row_of(message: model_pb2.Position) -> tuple[Decimal, Decimal, Decimal]:
    """The numbers of a position that by itself keeps the rules."""
    numbers = value(message.target.value), value(message.low_drift.value), value(message.high_drift.value)
    target, low, high = numbers
    good = (
        message.security_id in SECURITIES
        and message.target.value
        and 0 <= target <= LIMIT
        and target % Decimal("0.005") == 0
        and 0 <= low <= high <= 1
    )
    if not good:
        raise Told(BAD)
    return numbers


def rows_of(messages: Sequence[model_pb2.Position]) -> Rows:
    """The rows of positions that together keep the rules."""
    found = {one.security_id: row_of(one) for one in messages}
    if len(found) < len(messages):
        raise Told(BAD)
    return saved(found)


def saved(found: Rows) -> Rows:
    if sum(numbers[0] for numbers in found.values()) > LIMIT:
        raise Told(BAD)
    return {security: numbers for security, numbers in found.items() if numbers[0]}


def check_name(name: str) -> None:
    if not name.strip() or len(name) > 255:
        raise Told(BAD)


def check_unique(portfolios: Sequence[str]) -> None:
    if len(set(portfolios)) < len(portfolios):
        raise Told(BAD)


class Machine(RuleBasedStateMachine):
    """Calls a service without models; the books say what must come of it."""

    service: ModelServiceStub
    empty: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self.empty()
        self.books: dict[str, Book] = {}
        self.requests: dict[str, tuple[pb.CreateModelRequest, model_pb2.Model]] = {}

    def _free(self, book: Book, own: str) -> None:
        for other, one in self.books.items():
            if other != own and (one.name == book.name or set(one.portfolios) & set(book.portfolios)):
                raise Told(TAKEN)

    def _pick(self, data: st.DataObject) -> str:
        """A model that there is, or now and then one that there is not."""
        return data.draw(st.sampled_from([*self.books, *self.books, "f" * 24]))

    def _version(self, model_id: str, off: int) -> int:
        return self.books[model_id].version + off if model_id in self.books else 1

    def _compare(self, answer: object, told: Callable[[], Book | None]) -> None:
        book = refusal = None
        try:
            book = told()
        except Told as raised:
            refusal = str(raised)
        if refusal:
            assert isinstance(answer, Failure)
            assert answer.code is grpc.StatusCode[refusal]
            return
        assert not isinstance(answer, Failure)
        if book is not None:
            assert isinstance(answer, model_pb2.Model)
            assert_same(answer, book)

    def _change(
        self, model_id: str, version: int, alter: Callable[[Book], None], *, bad: Callable[[], None]
    ) -> Book:
        """What a change comes to: first what is wrong with the request, then the model, the version."""
        if version < 0:
            raise Told(BAD)
        bad()
        if model_id not in self.books:
            raise Told(MISSING)
        old = self.books[model_id]
        if version not in (0, old.version):
            raise Told(LATE)
        new = Book(old.name, dict(old.rows), list(old.portfolios))
        alter(new)
        self._free(new, model_id)
        new.version = old.version + (new.state() != old.state())
        self.books[model_id] = new
        return new

    @rule(message=messages, with_id=st.booleans())
    def create(self, message: model_pb2.Model, *, with_id: bool) -> None:
        request_id = str(uuid.uuid4()) if with_id else ""
        request = pb.CreateModelRequest(model=message, request_id=request_id)
        answer = attempt(lambda: self.service.CreateModel(request))

        def told() -> Book:
            check_name(message.name)
            check_unique(message.portfolio_ids)
            book = Book(message.name, rows_of(message.positions), [*message.portfolio_ids])
            self._free(book, "")
            return book

        self._compare(answer, told)
        if isinstance(answer, model_pb2.Model):
            self.books[answer.model_id] = told_book(answer)
            if with_id:
                self.requests[request_id] = (request, answer)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.requests:
            request, first = self.requests[data.draw(st.sampled_from(sorted(self.requests)))]
            assert attempt(lambda: self.service.CreateModel(request)) == first

    @rule(data=st.data(), off=versions, message=messages, mask=masks)
    def update(self, data: st.DataObject, off: int, message: model_pb2.Model, mask: list[str]) -> None:
        model_id = self._pick(data)
        version = self._version(model_id, off)
        given = model_pb2.Model(model_id=model_id, version=version)
        given.MergeFrom(message)
        request = pb.UpdateModelRequest(model=given, update_mask=field_mask_pb2.FieldMask(paths=mask))
        fields = set(mask) or {"name", "positions", "portfolio_ids"}

        def bad() -> None:
            if not version:
                raise Told(BAD)
            if "name" in fields:
                check_name(message.name)
            if "positions" in fields:
                rows_of(message.positions)
            if "portfolio_ids" in fields:
                check_unique(message.portfolio_ids)

        def alter(book: Book) -> None:
            if "name" in fields:
                book.name = message.name
            if "positions" in fields:
                book.rows = rows_of(message.positions)
            if "portfolio_ids" in fields:
                book.portfolios = [*message.portfolio_ids]

        answer = attempt(lambda: self.service.UpdateModel(request))
        self._compare(answer, lambda: self._change(model_id, version, alter, bad=bad))

    @rule(data=st.data(), off=versions, one=lines_, kind=st.sampled_from(["Add", "Update"]))
    def put_position(self, data: st.DataObject, off: int, one: model_pb2.Position, kind: str) -> None:
        model_id = self._pick(data)
        version = self._version(model_id, off) if off else 0
        request = getattr(pb, f"{kind}PositionRequest")(model_id=model_id, version=version, position=one)

        def alter(book: Book) -> None:
            there = one.security_id in book.rows
            if there == (kind == "Add"):
                raise Told(TAKEN if there else MISSING)
            book.rows[one.security_id] = row_of(one)
            book.rows = saved(book.rows)

        answer = attempt(lambda: getattr(self.service, f"{kind}Position")(request))
        self._compare(answer, lambda: self._change(model_id, version, alter, bad=lambda: void(row_of(one))))

    @rule(data=st.data(), off=versions, security=st.sampled_from(SECURITIES), weight=matches, low=matches)
    def remove_position(self, data: st.DataObject, off: int, security: str, weight: str, low: str) -> None:
        model_id = self._pick(data)
        version = self._version(model_id, off) if off else 0
        one = line(security, weight, low, "")
        request = pb.RemovePositionRequest(model_id=model_id, version=version, position=one)

        def alter(book: Book) -> None:
            if security not in book.rows:
                raise Told(MISSING)
            stored = book.rows.pop(security)
            for text, number in ((weight, stored[0]), (low, stored[1])):
                if text and value(text) != number:
                    raise Told(BAD)

        answer = attempt(lambda: self.service.RemovePosition(request))
        self._compare(answer, lambda: self._change(model_id, version, alter, bad=lambda: None))

    @rule(data=st.data(), off=versions, portfolios=ids, kind=st.sampled_from(["Add", "Remove"]))
    def portfolios(self, data: st.DataObject, off: int, portfolios: list[str], kind: str) -> None:
        model_id = self._pick(data)
        version = self._version(model_id, off) if off else 0
        request = getattr(pb, f"{kind}PortfoliosRequest")(
            model_id=model_id, version=version, portfolio_ids=portfolios
        )

        def bad() -> None:
            if not portfolios:
                raise Told(BAD)

        def alter(book: Book) -> None:
            for one in portfolios:
                if kind == "Add" and one not in book.portfolios:
                    book.portfolios.append(one)
                if kind == "Remove" and one in book.portfolios:
                    book.portfolios.remove(one)

        answer = attempt(lambda: getattr(self.service, f"{kind}Portfolios")(request))
        self._compare(answer, lambda: self._change(model_id, version, alter, bad=bad))

    @rule(data=st.data(), off=versions)
    def delete(self, data: st.DataObject, off: int) -> None:
        model_id = self._pick(data)
        version = self._version(model_id, off)
        request = pb.DeleteModelRequest(model_id=model_id, version=version)

        def told() -> None:
            if version < 1:
                raise Told(BAD)
            if model_id not in self.books:
                raise Told(MISSING)
            if off:
                raise Told(LATE)
            del self.books[model_id]

        self._compare(attempt(lambda: self.service.DeleteModel(request)), told)

    @rule(portfolio=st.sampled_from(PORTFOLIOS), order=st.sampled_from(["name", "-name", "model_id"]))
    def read_lists(self, portfolio: str, order: str) -> None:
        field = order.strip("-")
        found = self.service.ListModels(pb.ListModelsRequest(order_by=order)).models
        keys = [getattr(one, field) for one in found]
        assert keys == sorted(keys, reverse=order.startswith("-"))
        owned = self.service.ListModels(pb.ListModelsRequest(portfolio_id=portfolio)).models
        owners = [model_id for model_id, book in self.books.items() if portfolio in book.portfolios]
        assert [one.model_id for one in owned] == owners

    @invariant()
    def everything_is_there(self) -> None:
        page = self.service.ListModels(pb.ListModelsRequest())
        assert page.total_size == len(self.books)
        assert {one.model_id for one in page.models} == set(self.books)
        for one in page.models:
            assert_same(one, self.books[one.model_id])
            assert get(self.service, one.model_id) == one


def void(_: object) -> None:
    """Forget a result."""


def told_book(message: model_pb2.Model) -> Book:
    """A book from a model that was compared already."""
    rows = {one.security_id: row_of(one) for one in message.positions}
    book = Book(message.name, rows, [*message.portfolio_ids])
    book.version = message.version
    return book


def assert_same(message: model_pb2.Model, book: Book) -> None:
    other = told_book(message)
    assert (other.state(), other.version) == (book.state(), book.version)


@contextmanager
def emptying(service: ModelServiceStub) -> Iterator[Callable[[], None]]:
    """A way to delete all models."""

    def empty() -> None:
        for one in service.ListModels(pb.ListModelsRequest()).models:
            service.DeleteModel(pb.DeleteModelRequest(model_id=one.model_id, version=one.version))

    yield empty


def test_the_service_does_what_the_rules_say(empty_service: ModelServiceStub) -> None:
    with emptying(empty_service) as empty:

        class Bound(Machine):
            service = empty_service

            def __init__(self) -> None:
                self.empty = empty
                super().__init__()

        run_state_machine_as_test(
            Bound,
            settings=settings(
                max_examples=sized(15, 300),
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_description_refuses_what_it_should() -> None:
    with pytest.raises(Told):
        rows_of([line(SECURITIES[0], "0.5"), line(SECURITIES[1], "0.5")])
