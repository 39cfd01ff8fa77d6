"""What a desk decides with, as records and as messages: comparisons, drifts, settings of portfolios."""
