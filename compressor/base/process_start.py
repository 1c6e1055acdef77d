"""When this process began to use the tool: what was edited later may not be what runs."""

import time

PROCESS_START = time.time()
"""Seconds since 1970, as files have them."""
