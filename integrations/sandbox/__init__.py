"""A small stand-in for the authorities, reached over the network only, to try everything against."""
