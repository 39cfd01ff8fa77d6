"""Brings an overlay of kubernetes/ to a cluster, and back where that fails."""
