"""The server of the order generation service: `python -m ordergen_server`."""
