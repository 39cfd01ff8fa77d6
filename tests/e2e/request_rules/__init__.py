"""Every field of every request: its rule, the values that break it, and the test that holds it."""
