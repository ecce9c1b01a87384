"""Composition root of the processes."""
