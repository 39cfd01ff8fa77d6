"""How far portfolios are from their models: read, judged, and told."""
