"""Orders sent to the order service, and found there again: never guessed, and never sent twice by us."""
