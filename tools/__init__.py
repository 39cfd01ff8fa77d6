"""Tools of the developers of the service; nothing here is shipped."""
