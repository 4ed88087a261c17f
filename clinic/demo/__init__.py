"""The demo clinic: synthetic people of many origins, none of whom exists."""
