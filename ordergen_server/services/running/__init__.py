"""Carrying out runs of models: who holds them, hands out their chunks, and works these off."""
