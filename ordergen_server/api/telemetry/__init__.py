"""What is seen of the server: logs, metrics, traces.

logs         log lines of ours and of libraries, through one renderer, each with the ids of its call
correlation  ids of calls: taken in, checked, answered, passed on
calls        what is noted of each call, from its headers to its end
metrics      what is counted and timed, and the port where it is read
tracing      spans, where a collector is configured
reports      what workers in other processes did, as metrics
spans        what a span is, and who begins it; needs OpenTelemetry's SDK
otlp         what is sent of spans; needs its exporter
observers    what siblings, database and runs report, as metrics and spans
"""
