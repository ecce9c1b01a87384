"""routerd: registrar, back-to-back user agent and routing engine in one daemon."""
