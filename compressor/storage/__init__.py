"""Folders at addresses that fsspec reaches, such as `s3://bucket/runs`."""
