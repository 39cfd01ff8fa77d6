"""What is wrong with an answer, measured by rules and oracle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.fuzz import advice
from tests.fuzz.oracle import ALL_AIMS, Verdict
from tests.fuzz.rules import Rules, Score
from tests.fuzz.subject import Said
from tests.fuzz.why import reason

STATUSES = {"PROVEN_OPTIMAL", "FEASIBLE", "INFEASIBLE", "UNDECIDED"}
AIMS = (
    "called proven, not optimal",
    "second aim missed",
    "fewest trades missed",
    "order among equals missed",
)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what kind of thing, and what was said against what is right."""

    kind: str
    text: str
    witness: tuple[int, ...] | None = None


def judge(rules: Rules, said: Said, verdict: Verdict) -> list[Fault]:
    """All that is wrong with what was said of a case."""
    if said.status == "ERROR":
        return [Fault("error", said.error)]
    if said.status not in STATUSES:
        return [Fault("unknown status", said.status)]
    if said.status in {"INFEASIBLE", "UNDECIDED"}:
        return list(_refusal(rules, said, verdict))
    broken = rules.broken(said.orders)
    if verdict.infeasible or broken:
        return [Fault("rule broken", f"{said.orders}: {', '.join(broken) or 'nothing keeps the rules'}")]
    return [*_numbers(rules, said), *_aims(rules, said, verdict), *_reasons(rules, said)]


def _refusal(rules: Rules, said: Said, verdict: Verdict) -> Iterator[Fault]:
    if said.orders or said.reasons:
        yield Fault("wrong numbers", f"{said.status} with orders {said.orders}")
    if said.status == "UNDECIDED":
        yield from _bound(rules, said, verdict)
        return
    if verdict.orders is not None:
        right = f"{said.status}, where {verdict.orders} keep every rule"
        yield Fault("called infeasible; the witness is feasible", right, verdict.orders)
        return
    if not said.conflicts:
        yield Fault("advice not least, or false", "no conflict is named")
    for text in advice.faults(rules, said.conflicts):
        yield Fault("advice not least, or false", text)


def _numbers(rules: Rules, said: Said) -> Iterator[Fault]:
    held = [Fraction(one.quantity) for one in rules.case.positions]
    right: dict[str, object] = {
        "drift": rules.drift(said.orders),
        "turnover": rules.turnover(said.orders),
        "cash_after": Fraction(rules.case.cash) - rules.spent(said.orders),
        "market_value": rules.market_value,
        "quantities": tuple(count + order for count, order in zip(held, said.orders, strict=True)),
    }
    stated = dict(said.numbers)
    quantities = stated["quantities"]
    assert isinstance(quantities, Sequence)
    stated["quantities"] = tuple(map(Fraction, quantities))
    for name, value in right.items():
        if value != stated[name]:
            yield Fault("wrong numbers", f"{name} {stated[name]}, right is {value}")
    if rules.score(said.orders)[0] != said.objective:
        yield Fault("wrong numbers", f"objective {said.objective}, right is {rules.score(said.orders)[0]}")
    breached = tuple(rules.case.positions[index].id for index in rules.breached)
    if breached != said.breaches:
        yield Fault("wrong numbers", f"breaches {said.breaches}, right is {breached}")
    limits = rules.limits_breached(said.orders)
    if limits != said.limit_breaches:
        yield Fault("wrong numbers", f"limits breached {said.limit_breaches}, right is {limits}")


def _bound(rules: Rules, said: Said, verdict: Verdict) -> Iterator[Fault]:
    if verdict.orders is None or said.bound is None:
        return
    best = rules.score(verdict.orders)[0]
    if said.bound > best:
        text = f"bound {float(said.bound)}, but {verdict.orders} have {float(best)}"
        yield Fault("bound above an answer", text, verdict.orders)


def _aims(rules: Rules, said: Said, verdict: Verdict) -> Iterator[Fault]:
    """Proofs, against the best orders known; ties as far as the answer claims to have decided them."""
    if said.bound is None or said.objective is None or said.bound > said.objective:
        yield Fault("wrong numbers", f"bound {said.bound} of objective {said.objective}")
    if said.status == "PROVEN_OPTIMAL" and said.bound != said.objective:
        yield Fault("wrong numbers", f"proven, with bound {said.bound} of objective {said.objective}")
    elif said.ties and said.status != "PROVEN_OPTIMAL":
        yield Fault("wrong numbers", f"{said.status}, and ties are said to be broken")
    if verdict.orders is None:
        return
    ours, theirs = rules.score(said.orders), rules.score(verdict.orders)
    if said.status != "PROVEN_OPTIMAL":
        yield from _bound(rules, said, verdict)
    elif theirs[0] < ours[0]:
        yield _missed(0, said, verdict, ours, theirs)
    elif theirs < ours and said.ties:
        aim = next(aim for aim in range(ALL_AIMS) if theirs[aim] != ours[aim])
        yield _missed(aim, said, verdict, ours, theirs)
    if verdict.proven and ours[0] < theirs[0]:
        raise AssertionError(f"the oracle is wrong: {rules.case} {verdict} {said.orders}")


def _missed(aim: int, said: Said, verdict: Verdict, ours: Score, theirs: Score) -> Fault:
    numbers = [score[aim] if aim > 1 else float(Fraction(score[aim])) for score in (ours, theirs)]  # type: ignore[arg-type] # the first two are
    text = f"{numbers[0]} against {numbers[1]}: {said.orders} where {verdict.orders} are better"
    return Fault(AIMS[aim], text, verdict.orders)


def _reasons(rules: Rules, said: Said) -> Iterator[Fault]:
    if len(said.reasons) != len(said.orders):
        yield Fault("wrong reason", f"{len(said.reasons)} reasons of {len(said.orders)} orders")
        return
    for index, given in enumerate(said.reasons):
        right = reason(rules, said.orders, index)
        if right is not None and given != right:
            one = rules.case.positions[index]
            yield Fault("wrong reason", f"{given} on {one.id}, order {said.orders[index]}: right is {right}")
