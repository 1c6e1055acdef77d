"""From a recipe and the installed plugins to a checked plan."""
