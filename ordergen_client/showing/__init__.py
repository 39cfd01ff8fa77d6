"""What the command shows: rows and records as tables for eyes, or as JSON, CSV and YAML for programs."""
