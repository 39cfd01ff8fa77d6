"""Submissions: orders of approved portfolios, sent to the order service exactly once."""
