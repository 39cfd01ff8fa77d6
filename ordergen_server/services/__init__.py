"""What the service does, in the language of the field."""
