"""The REST front: HTTP and JSON for the gRPC API, of which it is a client like any other."""
