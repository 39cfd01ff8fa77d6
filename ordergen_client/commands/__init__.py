"""The commands of `ordergen`, one module a noun."""
