"""Everything that speaks to somebody else: authorities, laboratories, imaging, and the worker that does."""
