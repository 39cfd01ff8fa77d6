"""The embedded database, run and watched over as a process of its own."""
