"""The documentation site: docs/ as Sphinx builds it, with what is made from the contract and the code."""
