"""Model files of every kind, looked through before they are read."""
