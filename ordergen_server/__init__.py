"""The server of the order generation service: `python -m ordergen_server`."""

#: That of pyproject.toml. The image has the code, and no installed distribution to be asked.
__version__ = "0.1.0"
