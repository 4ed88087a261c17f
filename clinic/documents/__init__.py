"""Printed things: what a signature puts on paper, by fonts of our own and refusing what they cannot print."""
