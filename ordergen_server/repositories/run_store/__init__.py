"""Runs: a header with its lease, and a document a portfolio."""
