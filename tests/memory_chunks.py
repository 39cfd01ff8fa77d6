"""Chunks of runs in memory, kept as ChunkStore promises: each portfolio is stored once."""

from collections.abc import Callable, Collection, Mapping, Sequence

from ordergen_server.domain.chunks import (
    Chunk,
    ChunkTask,
    ClaimedChunk,
    DoneChunk,
    RunProgress,
    Standing,
)
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.stores import Lease, LeaseLost, RunOrder
from tests.memory_runs import MemoryRuns, StoredChunk


def _chunk_of(one: StoredChunk) -> Chunk:
    return Chunk(one.number, one.number % one.stride, len(one.portfolio_ids), one.token, one.begun)


class MemoryChunks:
    """The chunks of runs that are kept in memory."""

    def __init__(self, runs: MemoryRuns) -> None:
        self.runs = runs

    def order(self, rebalance_id: str) -> RunOrder:
        with self.runs.lock:
            order = self.runs.runs[rebalance_id].order
            assert order
            return order

    def progress(self, rebalance_id: str, lease: Lease) -> RunProgress:
        with self.runs.lock:
            run = self.runs.held(rebalance_id, lease)
            done = {one.portfolio_id for one in run.results}
            for chunk in run.chunks:  # as `append` has it, which knows of no chunks
                if chunk.results is None:
                    chunk.portfolio_ids = tuple(one for one in chunk.portfolio_ids if one not in done)
            undone = [_chunk_of(one) for one in run.chunks if one.results is None and one.portfolio_ids]
            undone.sort(key=lambda one: (one.origin, one.number))
            return RunProgress(len(run.results) + 1, run.stopped, undone)

    def lend(self, rebalance_id: str, chunk: Chunk, token: str) -> bool:
        with self.runs.lock:
            self.runs.fail_if_told()
            for one in self.runs.runs[rebalance_id].chunks:
                if one.number == chunk.number and one.token == chunk.token and one.results is None:
                    one.token, one.begun, one.why = token, False, None
                    return True
            return False

    def recall(self, rebalance_id: str, tokens: Collection[str]) -> None:
        with self.runs.lock:
            for one in self._of(rebalance_id, tokens):
                one.token = ""

    def tell(self, rebalance_id: str, tokens: Collection[str], why: OrderGenerationError) -> None:
        with self.runs.lock:
            for one in self._of(rebalance_id, tokens):
                one.why = why

    def undone_of(self, rebalance_id: str, token: str) -> Chunk | None:
        with self.runs.lock:
            return next(map(_chunk_of, self._of(rebalance_id, [token])), None)

    def signs(self, rebalance_id: str, tokens: Collection[str]) -> Mapping[str, object]:
        with self.runs.lock:
            found = [one for one in self._of(rebalance_id, tokens) if one.begun]
            return {one.token: (one.number, one.beats) for one in found}

    def claim(self, rebalance_id: str, token: str) -> ClaimedChunk | None:
        with self.runs.lock:
            for one in self._of(rebalance_id, [token]):
                one.begun = True
                return ClaimedChunk(one.number, one.stride, one.portfolio_ids, one.cash_flows)
            return None

    def leave(self, token: str) -> None:
        """Nothing is kept of an attempt."""

    def look(self, rebalance_id: str, token: str, *, alive: bool = False) -> Standing:
        with self.runs.lock:
            for one in self._of(rebalance_id, [token]):
                one.beats += alive
                return Standing(held=True, why=one.why)
            return Standing(held=False)

    def storing(
        self,
        task: ChunkTask,
        chunk: ClaimedChunk,
        results: Sequence[PortfolioRebalance],
        stopped: OrderGenerationError | None = None,
    ) -> Callable[[], bool]:
        def store() -> bool:
            with self.runs.lock:
                self.runs.fail_if_told()
                run = self.runs.runs[task.rebalance_id]
                for one in self._of(task.rebalance_id, [task.token]):
                    assert one.number == chunk.number
                    one.results, one.stopped, one.token = tuple(results), stopped, ""
                    rest = chunk.rest({done.portfolio_id for done in results})
                    if rest.portfolio_ids:
                        run.chunks.append(
                            StoredChunk(
                                rest.number,
                                rest.stride,
                                rest.portfolio_ids,
                                rest.cash_flows,
                                task.token,
                                begun=True,
                                why=one.why,
                            )
                        )
                    return True
                return False

        return store

    def ready(self, rebalance_id: str) -> list[DoneChunk]:
        with self.runs.lock:
            found = [one for one in self.runs.runs[rebalance_id].chunks if not one.published and one.results]
            return [_done(one.number, one.results or (), one.stopped) for one in found]

    def publish(self, rebalance_id: str, done: DoneChunk, sequence: int, lease: Lease) -> bool:
        with self.runs.lock:
            run = self.runs.held(rebalance_id, lease)
            chunk = next(one for one in run.chunks if one.number == done.number)
            if sequence != len(run.results) + 1 or chunk.published:
                raise LeaseLost(rebalance_id)
            chunk.published = True
            run.stopped = run.stopped or chunk.stopped
            return self.runs.append(rebalance_id, lease, chunk.results or ())

    def _of(self, rebalance_id: str, tokens: Collection[str]) -> list[StoredChunk]:
        chunks = self.runs.runs[rebalance_id].chunks
        return [one for one in chunks if one.token and one.token in tokens and one.results is None]


def _done(
    number: int, results: Sequence[PortfolioRebalance], stopped: OrderGenerationError | None
) -> DoneChunk:
    return DoneChunk(number, _counts(results), stopped, summary_of(results))


def _counts(results: Sequence[PortfolioRebalance]) -> dict[PortfolioState, int]:
    counts: dict[PortfolioState, int] = {}
    for one in results:
        counts[one.state] = counts.get(one.state, 0) + 1
    return counts
