"""The models that come with the tool."""
