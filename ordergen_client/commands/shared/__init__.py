"""What commands have in common: options, names, questions, failures."""
