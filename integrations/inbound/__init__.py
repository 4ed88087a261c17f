"""What comes in over the line: stored raw, then acknowledged, then worked on."""
