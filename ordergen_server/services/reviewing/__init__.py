"""Between a run and its orders: who approves what it proposes, and who gets what of a fill."""
