"""What people did with runs in MongoDB: their decisions, and events, which outlive the run."""
