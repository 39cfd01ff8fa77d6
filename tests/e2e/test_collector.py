"""A server sends its spans to the collector that the standard variables name."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import grpc
from globeco.ordergen.v1 import model_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID
from tests.e2e.processes import server_process
from tests.limits import PATIENCE

TRACE = "0af7651916cd43dd8448eb211c80319c"
Received = SimpleQueue[trace_service_pb2.ExportTraceServiceRequest]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self) -> None:
        self.received: Received = SimpleQueue()

    def Export(  # noqa: N802 - the name of the contract
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        del context
        self.received.put(request)
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def collecting() -> Iterator[tuple[str, Received]]:
    collector = Collector()
    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool)
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call] # generated so
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"http://127.0.0.1:{port}", collector.received
        finally:
            server.stop(None).wait()


def test_spans_reach_the_collector_at_the_latest_when_the_server_ends(
    tmp_path: Path, siblings: SimulatedSiblings
) -> None:
    with (
        collecting() as (endpoint, received),
        server_process(tmp_path, siblings, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as server,
    ):
        request = model_service_pb2.GetModelRequest(model_id=MODEL_ID)
        metadata = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
        error = server.api.models.GetModel.future(request, metadata=metadata, timeout=PATIENCE).exception()
        assert error is not None
        assert server.stop() == 0
        exported = [received.get(timeout=PATIENCE)]
        while not received.empty():
            exported.append(received.get())
    resources = [one for batch in exported for one in batch.resource_spans]
    names = {one.key: one.value.string_value for one in resources[0].resource.attributes}
    assert names["service.name"] == "globeco-order-generation-service"
    assert names["service.namespace"] == "globeco"
    spans = {
        span.name
        for one in resources
        for scope in one.scope_spans
        for span in scope.spans
        if span.trace_id.hex() == TRACE
    }
    assert spans == {"globeco.ordergen.v1.ModelService/GetModel", "find models"}
