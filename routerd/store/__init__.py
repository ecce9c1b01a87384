"""SQLite behind one interface."""
