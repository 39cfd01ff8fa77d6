"""One portfolio's answer: what it is worth, which rules bind it, what it trades, and why."""
