"""Trials and runs on the machines of a Ray cluster: what is sent there, what runs there, and what comes back."""
