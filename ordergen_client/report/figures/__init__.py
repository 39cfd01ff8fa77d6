"""What follows from a run, exactly: of each portfolio and security, in sum, and what to look at first."""
