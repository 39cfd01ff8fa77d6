"""Settings of portfolios: changed one by one, and read for whole runs."""
