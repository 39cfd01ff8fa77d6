"""What the portfolios of a run share, kept with it: its market, and its model."""
