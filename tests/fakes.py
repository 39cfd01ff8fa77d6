"""The world of the use cases in memory: stores that keep their promises, sources that answer as told."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

from ordergen_server.domain.errors import AlreadyExists, NotFound, VersionMismatch
from ordergen_server.domain.market import Holdings, MarketSnapshot, Quoted
from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.domain.requests.pages import Page, PageRequest


class MemoryModels:
    """Keeps models in a dict."""

    def __init__(self, *models: Model) -> None:
        self.models = {model.model_id: model for model in models}

    def create(
        self, content: ModelContent, time: datetime, request_id: str = "", *, actor: str = ""
    ) -> Model:
        del request_id
        if any(model.name == content.name for model in self.models.values()):
            raise AlreadyExists(content.name)
        model = Model(f"{len(self.models):024x}", content, 1, time, time, None, actor)
        self.models[model.model_id] = model
        return model

    def change(
        self,
        model_id: str,
        version: int,
        change: Callable[[ModelContent], ModelContent],
        time: datetime,
        *,
        actor: str = "",
    ) -> Model:
        model = self.get(model_id)
        if version not in (0, model.version):
            raise VersionMismatch(model_id)
        content = change(model.content)
        if content != model.content:
            changed = replace(
                model, content=content, version=model.version + 1, update_time=time, update_actor=actor
            )
            self.models[model_id] = changed
        return self.models[model_id]

    def delete(self, model_id: str, version: int) -> None:
        if version != self.get(model_id).version:
            raise VersionMismatch(model_id)
        del self.models[model_id]

    def get(self, model_id: str) -> Model:
        if model_id not in self.models:
            raise NotFound(model_id)
        return self.models[model_id]

    def of_portfolio(self, portfolio_id: str) -> Model:
        for model in self.models.values():
            if portfolio_id in model.portfolio_ids:
                return model
        raise NotFound(portfolio_id)

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        del order_by
        found = [one for one in self.models.values() if not portfolio_id or portfolio_id in one.portfolio_ids]
        return Page(tuple(found[page.skip :][: page.limit]), "", len(found))

    def mark_rebalanced(self, model_id: str, time: datetime) -> None:
        self.models[model_id] = replace(self.models[model_id], last_rebalance_time=time)


class FakeMarket:
    """Answers one snapshot, or raises; `more` are the quotes that a snapshot may lack."""

    def __init__(self, answer: MarketSnapshot | Exception) -> None:
        self.answer = answer
        self.more: dict[str, Quoted] = {}
        self.asked: list[str] = []
        self.calls = 0

    def snapshot(self, timeout_seconds: float, needed: Collection[str] = ()) -> MarketSnapshot:
        assert timeout_seconds > 0
        del needed
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def quotes(
        self, snapshot: MarketSnapshot, security_ids: Collection[str], timeout_seconds: float
    ) -> Mapping[str, Quoted]:
        assert (timeout_seconds > 0, snapshot.prices is None) == (True, False)
        self.asked += security_ids
        return {one: self.more[one] for one in security_ids}


class FakePortfolios:
    """Answers holdings by portfolio id, or raises; `before` is called first, with the portfolio id."""

    def __init__(
        self,
        answers: Mapping[str, Holdings | Exception],
        before: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.answers = answers
        self.before = before
        self.asked: list[str] = []

    def holdings(self, portfolio_id: str, timeout_seconds: float) -> Holdings:
        assert timeout_seconds > 0
        self.asked.append(portfolio_id)
        self.before(portfolio_id)
        answer = self.answers[portfolio_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def name(self, portfolio_id: str, timeout_seconds: float) -> str:
        assert timeout_seconds > 0
        return f"Name of {portfolio_id}"
