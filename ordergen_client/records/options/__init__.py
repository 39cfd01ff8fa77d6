"""How to rebalance, and what securities and groups may be worth then, as records and as messages."""
