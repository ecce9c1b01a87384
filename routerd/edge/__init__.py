"""Sockets, clock and effects: the only floor that touches the network."""
