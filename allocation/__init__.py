"""Trades of many portfolios as blocks, and what was filled of a block shared out among them.

    blocks      all portfolios that trade a security in one direction, added up
    fills       who gets how many shares of a partial fill

Quantities are whole shares and integers, money is exact Decimals: no float decides anything. It knows nothing
of who calls it, of databases or of services.
"""

from allocation.blocks import Block, Blocks
from allocation.fills import allocated

__all__ = ["Block", "Blocks", "allocated"]
