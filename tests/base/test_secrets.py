"""What a user hands on in a report holds no secrets."""

import pytest

from compressor.base.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://me:pa55@host/x?y=1", "GET https://***@host/x?y=1"),
        ("https://host/x?token=abc&y=1", "https://host/x?token=***&y=1"),
        ("s3://b/x?X-Amz-Signature=0f0f&X-Amz-Date=1", "s3://b/x?X-Amz-Signature=***&X-Amz-Date=1"),
        ("AKIAIOSFODNN7EXAMPLE is one", "*** is one"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPx", "aws_secret_access_key = ***"),
        ("{'password': 'hunter2', 'user': 'me'}", "{'password': '***', 'user': 'me'}"),
        ("--hub-token abc --seed 1", "--hub-token *** --seed 1"),
        ("--set steps.x.with.api_key=abc --seed 1", "--set steps.x.with.api_key=*** --seed 1"),
        ("apply a --notify https://host/T0/B0 --notify=https://h/x", "apply a --notify *** --notify=***"),
        ("apply a --notify desktop -q", "apply a --notify desktop -q"),
        ("Authorization: Bearer abcdef.123", "Authorization: Bearer ***"),
        ("ghp_0123456789abcdefghij and hf_abcdefghijklmn", "*** and ***"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJ", "***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nmore", "***\nmore"),
        ("KeyError: 'token'", "KeyError: 'token'"),
        ("steps.prune.with.sparsity=0.8 of http://host/x", "steps.prune.with.sparsity=0.8 of http://host/x"),
    ],
)
def test_a_secret_is_hidden_and_the_rest_stays(text, left):
    assert without_secrets(text) == left


def test_the_values_of_secret_environment_variables_are_hidden(monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "correct horse")
    monkeypatch.setenv("DEPLOY_KEY", "battery")
    monkeypatch.setenv("COLOR", "staple-staple")
    assert without_secrets("correct horse battery staple-staple") == "*** *** staple-staple"


def test_paths_below_the_home_folder_are_shortened(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert without_secrets("/home/me/x, /home/me and /home/mean/x") == "~/x, ~ and /home/mean/x"
    monkeypatch.setenv("HOME", "/")
    assert without_secrets("/x/y") == "/x/y"
