"""The embedded ng media engine and its sockets."""
