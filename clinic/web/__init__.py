"""The clinic's screens: one blueprint per work area."""
