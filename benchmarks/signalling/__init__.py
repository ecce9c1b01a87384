"""The signalling bench: what one call costs routerd, beside Kamailio and sippy in the same run."""
