"""The report as one page of HTML that holds everything it needs, plots included."""
