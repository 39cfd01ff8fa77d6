"""gRPC itself: ports, connections, methods by name, a call from its headers to its status."""
