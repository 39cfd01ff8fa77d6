"""Takes over what the service before this one stored, its models and rebalances: exactly, or not at all."""
