"""Models: one document each, and every change of it one operation."""
