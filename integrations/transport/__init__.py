"""How bytes get to somebody else; no file here knows what they mean."""
