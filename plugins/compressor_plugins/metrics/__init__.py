"""The metrics that come with the tool."""
