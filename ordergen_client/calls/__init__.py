"""What can be asked of the service, each call written once: from its arguments to its message.

`Client` and `AsyncClient` make their methods of these functions, so that both have the same.
"""
