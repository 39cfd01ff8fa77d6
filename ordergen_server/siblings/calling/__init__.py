"""One call to a sibling: total deadline > retry > circuit breaker > one attempt, over HTTP and gRPC."""
