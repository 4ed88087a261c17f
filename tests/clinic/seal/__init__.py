"""Tests of the audit's seals."""
