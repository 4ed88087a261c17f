"""One file for each way of submitting to an authority; its name is its registration."""
