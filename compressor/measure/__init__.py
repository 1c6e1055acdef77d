"""What is measured on the file that would ship, and what is checked of data and model."""
