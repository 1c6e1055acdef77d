"""A real S3 server on this machine, moto's, in a process of its own, for tests of storage at addresses."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

BUCKET = "team"
_SERVE = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def s3_server():
    """A server with an empty bucket `team`: the environment variables by which clients find it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    settings = {**_SETTINGS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    try:
        _await(port, process)
        client(settings).create_bucket(Bucket=BUCKET)
        yield settings
    finally:
        process.kill()
        process.wait(20)


def client(settings):
    """A client of the server that is not fsspec, to look at what is there and to damage it."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=settings["AWS_ENDPOINT_URL"], region_name=settings["AWS_DEFAULT_REGION"],
        aws_access_key_id="testing", aws_secret_access_key="testing-secret",
    )  # fmt: skip


def names(settings, prefix=""):
    """The names of all files in the bucket."""
    pages = client(settings).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return sorted(each["Key"] for page in pages for each in page.get("Contents", []))


def content(settings, name):
    return client(settings).get_object(Bucket=BUCKET, Key=name)["Body"].read()


def flip(settings, name, place=100):
    """Change a bit of a file on the server."""
    changed = bytearray(content(settings, name))
    changed[place] ^= 1
    client(settings).put_object(Bucket=BUCKET, Key=name, Body=bytes(changed))


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _await(port, process):
    for _ in range(300):
        assert process.poll() is None, "the S3 server ended"
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(os.strerror(110))
