"""What becomes of a run that has ended, on the wire: reviews, blocks, fills, submissions and orders."""
