"""The recipe language: reads YAML text into a validated `Recipe`, and gives every problem a position."""
