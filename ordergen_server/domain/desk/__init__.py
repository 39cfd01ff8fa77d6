"""What a desk decides with: settings of portfolios, drift, options compared, what rules cost, good until."""
