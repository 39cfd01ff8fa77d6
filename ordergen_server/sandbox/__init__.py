"""A whole market on one machine: embedded database, simulated siblings, the stack of both and a server."""
