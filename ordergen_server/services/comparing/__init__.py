"""What different options would do, side by side."""
