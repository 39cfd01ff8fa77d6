"""Many portfolios over one model at once, as arrays."""
