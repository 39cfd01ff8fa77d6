"""What a desk decides with, on the wire: comparisons, explanations, drifts, settings of portfolios."""
