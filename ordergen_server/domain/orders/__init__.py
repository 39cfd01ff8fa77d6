"""Orders: who approved them, what was sent to the order service, and what became of it."""
