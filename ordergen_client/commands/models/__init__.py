"""`ordergen models`: models, from files and by small changes."""
