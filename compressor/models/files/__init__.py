"""Model files of every kind; those from elsewhere are inspected before they are loaded."""
