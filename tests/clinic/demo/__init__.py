"""Tests of the demo clinic's people."""
