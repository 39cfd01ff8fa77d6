"""Submissions in MongoDB: their portfolios, orders, and the batches that these are sent in."""
