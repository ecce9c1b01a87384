"""The switch: glue between SIP, rules and media, still pure."""
