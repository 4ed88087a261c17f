"""The lists that screens show, always scoped to what this user may see."""
