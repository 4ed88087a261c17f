"""The JSON interface for staff systems."""
