"""One number of each of many lists, that add up to an amount: exactly, or to the least that is enough."""
