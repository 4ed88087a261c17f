"""Tests of reading films."""
