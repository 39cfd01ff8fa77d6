"""How an export is read: line by line, as records of exact numbers."""
