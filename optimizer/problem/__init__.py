"""One portfolio in exact numbers: positions, constraints, and the integers that all else works on."""
