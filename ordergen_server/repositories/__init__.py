"""Models and runs in MongoDB."""
