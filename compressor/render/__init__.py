"""A `Report` for people: in the terminal, in Markdown. Renderers read a report and nothing else."""
