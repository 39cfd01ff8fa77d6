"""What workers elsewhere report, as metrics of this process."""

from ordergen_server.api.telemetry.metrics import Metrics
from ordergen_server.services.running.report import Report


def count(metrics: Metrics, report: Report) -> None:
    """Count what a worker did as if it had been done here."""
    for stage, seconds in report.stages:
        metrics.stage_seconds(stage.value).observe(seconds)
    for method, status, seconds, portfolios in report.solved:
        histogram = metrics.solve_seconds(method.value, status)
        for _ in range(portfolios):
            histogram.observe(seconds)
    for service, number, outcome in report.attempts:
        metrics.sibling_attempts(service, outcome).inc()
        if number > 1:
            metrics.sibling_retries(service).inc()
    for service, outcome, seconds in report.calls:
        metrics.sibling_seconds(service, outcome).observe(seconds)
    for operation, outcome, seconds in report.operations:
        metrics.database_seconds(operation, outcome).observe(seconds)
