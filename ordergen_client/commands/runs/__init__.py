"""`ordergen rebalance`, `runs`, `report`, `verify`: runs, from their start to files of them."""
