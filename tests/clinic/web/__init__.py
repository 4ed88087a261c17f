"""Screens without a browser."""
