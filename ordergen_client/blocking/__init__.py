"""Calls that block: how they are made, what is done with each noun, and the handle of a run."""
