"""The SIP core, sans-IO: knows the RFCs, nothing of calls or policy."""
