"""Every door of the house under a generator with a seed (docs/fuzz.md)."""
