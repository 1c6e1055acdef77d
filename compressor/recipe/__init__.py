"""The recipe language: text with positions in, a validated `Recipe` out."""
