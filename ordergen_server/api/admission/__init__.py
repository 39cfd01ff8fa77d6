"""Who is let in, and when: what a peer may have at once, and room for each kind of call."""
