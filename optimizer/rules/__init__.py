"""What the rules of a problem cost, and which of them leave it without an answer: by solving again."""
