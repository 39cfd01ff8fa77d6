"""What must hold of an export: of lines, of portfolios, of the run, and of what they share."""
