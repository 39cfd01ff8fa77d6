"""What the service is about: models, holdings, rebalances and their rules. No framework in here."""
