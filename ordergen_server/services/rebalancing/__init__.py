"""Rebalancing: one portfolio, all or some of a model, and what would come of it, stored nowhere."""
