"""Drills of faults against real processes: `python -m bench.fault`."""
