"""Channels, credentials, and the terms of a connection."""
