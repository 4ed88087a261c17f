"""Verbs of the clinic: plain functions that flush and never commit."""
