"""From proposal to order, as records: submissions, orders, who did what, blocks and their fills."""
