"""Tests of the lists that screens show."""
