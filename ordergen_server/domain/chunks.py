"""A run is worked off in chunks: some portfolios that one worker does, stores, and is done with.

A chunk that nobody has done is lent by whoever holds the lease of the run, to one attempt at a time: the
token of the attempt stands in the chunk, and whoever writes into it must have it. What is done is published,
chunk after chunk: it gets its place in the run, and from then on is told to those who watch.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil
from typing import Protocol

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.domain.summaries import RebalanceSummary

#: Portfolios of a chunk at most. Whoever reads relies on it: no release may store larger ones.
CHUNK_PORTFOLIOS = 250
#: A chunk costs five small writes: for fewer portfolios another worker is not worth them.
LEAST_PORTFOLIOS = 10


def chunk_size(portfolios: int, workers: int) -> int:
    """Portfolios of each chunk of a run, so that every worker has some."""
    return min(CHUNK_PORTFOLIOS, max(LEAST_PORTFOLIOS, ceil(portfolios / max(1, workers))))


@dataclass(frozen=True, slots=True)
class ChunkTask:
    """What a worker is given: all else it reads for itself."""

    rebalance_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is not done.

    Attributes:
        number: which of its run.
        origin: its place among the chunks of the run, or that of the chunk that it is the rest of.
        count: its portfolios.
        token: whose attempt it is; empty where it is nobody's.
        begun: whether a worker had it.
    """

    number: int
    origin: int
    count: int
    token: str = ""
    begun: bool = False


@dataclass(frozen=True, slots=True)
class ClaimedChunk:
    """A chunk that its worker has begun.

    Attributes:
        number: which of its run.
        stride: the rest of it, where only a part is stored, is the chunk `number + stride`.
        portfolio_ids: in the order in which they are done.
        cash_flows: of those that have one, by portfolio id.
    """

    number: int
    stride: int
    portfolio_ids: tuple[str, ...]
    cash_flows: Mapping[str, Decimal] = field(default_factory=dict)

    def rest(self, done: Collection[str]) -> "ClaimedChunk":
        """What is left of it once some are stored."""
        left = tuple(one for one in self.portfolio_ids if one not in done)
        return ClaimedChunk(self.number + self.stride, self.stride, left, flows_of(left, self.cash_flows))


def flows_of(portfolio_ids: Collection[str], cash_flows: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Those cash flows that are of some portfolios."""
    return {one: cash_flows[one] for one in portfolio_ids if one in cash_flows}


@dataclass(frozen=True, slots=True)
class DoneChunk:
    """A chunk whose results are stored, and told to nobody yet.

    Attributes:
        counts: its portfolios by state.
        stopped: why no other portfolio of the run can fare better, if that is so.
        summary: the sums over its portfolios; None where a server of an earlier release stored them.
    """

    number: int
    counts: Mapping[PortfolioState, int]
    stopped: OrderGenerationError | None = None
    summary: RebalanceSummary | None = None

    @property
    def count(self) -> int:
        """Its portfolios."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is.

    Attributes:
        sequence: of the last that is published; the beginning of the run is 1.
        stopped: why the rest is to be skipped, if that is known.
        undone: what is left, in the order of the portfolios.
    """

    sequence: int
    stopped: OrderGenerationError | None = None
    undone: Sequence[Chunk] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an attempt still has its chunk.

    Attributes:
        held: nobody else was given it.
        why: the run is to end, and so what is not done is to be skipped for this reason.
    """

    held: bool
    why: OrderGenerationError | None = None


class PlaceTaken(Exception):
    """Who held the run before has begun to publish another chunk: look how far the run is."""


class ChunkStore(Protocol):
    """Keeps the chunks of runs; the methods raise as those of RebalanceStore do.

    Every portfolio is stored once, whatever becomes of workers and of those who lend.
    """

    def order(self, rebalance_id: str) -> RunOrder:
        """What a run that goes on needs, with the time that it has left. Raises NotFound."""

    def progress(self, rebalance_id: str, lease: Lease) -> RunProgress:
        """How far a run that we hold is. Raises LeaseLost."""

    def lend(self, rebalance_id: str, chunk: Chunk, token: str) -> bool:
        """Give a chunk to an attempt; False where it is done, or another's than `chunk` says.

        The attempt that had it can store nothing any more, nor stand in the way of this one.
        """

    def recall(self, rebalance_id: str, tokens: Collection[str]) -> None:
        """Take back what attempts have not done, for nobody."""

    def tell(self, rebalance_id: str, tokens: Collection[str], why: OrderGenerationError) -> None:
        """Have attempts skip what they have not done."""

    def undone_of(self, rebalance_id: str, token: str) -> Chunk | None:
        """What an attempt has not done; None where that is nothing."""

    def signs(self, rebalance_id: str, tokens: Collection[str]) -> Mapping[str, object]:
        """For each attempt that was begun and is not done something that changes while it lives."""

    def claim(self, rebalance_id: str, token: str) -> ClaimedChunk | None:
        """Begin an attempt; None where the chunk is not its own any more."""

    def leave(self, token: str) -> None:
        """An attempt is over, whatever became of it."""

    def look(self, rebalance_id: str, token: str, *, alive: bool = False) -> Standing:
        """How an attempt stands; also showing that it is `alive`, which is a write."""

    def storing(
        self,
        task: ChunkTask,
        chunk: ClaimedChunk,
        results: Sequence[PortfolioRebalance],
        stopped: OrderGenerationError | None = None,
    ) -> Callable[[], bool]:
        """Prepare to store results of a chunk, which then is done; portfolios without one are a new chunk.

        What this answers only waits for the database, and says whether the chunk was still the attempt's:
        otherwise nothing is stored.

        Args:
            task: whose attempt it is.
            chunk: as it was claimed, or the rest of it.
            results: in the order in which they are told.
            stopped: why no other portfolio of the run can fare better.
        """

    def ready(self, rebalance_id: str) -> Sequence[DoneChunk]:
        """The chunks that are done and not published."""

    def publish(self, rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> bool:
        """Tell a chunk after the results up to `sequence`, and renew the lease; is the run to be cancelled?

        Raises:
            LeaseLost: another server has the run.
            PlaceTaken: another chunk comes first.
        """
