"""The virtual world in which the real switch runs without a network."""
