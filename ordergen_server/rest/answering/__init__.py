"""How it is answered: JSON, statuses, and errors in the form of each version."""
