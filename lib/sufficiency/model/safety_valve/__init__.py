"""The high needs account, its measures and what is left of the deficit."""
