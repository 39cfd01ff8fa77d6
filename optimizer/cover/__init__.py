"""Free a missing amount at least cost: an exact minimum-cost cover over ladders of shares."""
