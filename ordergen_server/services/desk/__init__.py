"""What a desk decides with: options side by side, who needs a rebalance, settings of portfolios."""
