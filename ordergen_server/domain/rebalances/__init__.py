"""Runs: what was asked, what became of each portfolio and line, and the run as a whole."""
