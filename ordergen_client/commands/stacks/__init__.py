"""`ordergen demo`, `serve`: stacks of embedded parts."""
