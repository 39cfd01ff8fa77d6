"""Rules of documents that the database holds to: what another program, or a bug of ours, would break."""
