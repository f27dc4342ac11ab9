"""What is wrong in [gateway], or with the people who may log in, is said with its key path and what to do."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.gateway.values import GatewaySettings
from prodigy_team.roster import RosterError, load_roster
from roster_lines import JANE, Load

GOOD = (
    '[team]\nname = "news"\n[task]\nrecipe = "ner.manual"\nmodel = "blank:en"\nsource = "headlines.jsonl"\n'
    'labels = ["A"]\n[[annotator]]\nname = "joe"\n'
)
GATEWAY = GOOD + "[gateway]\n"
HEADER = GATEWAY + 'auth = "header"\n'
TRUSTED = 'trusted_proxies = ["127.0.0.1"]\n'
OIDC = GATEWAY + 'auth = "oidc"\nissuer = "https://id.example.org"\nclient_id = "team"\n'

ONE = [
    (GATEWAY + 'base_path = "annot"\n', "gateway.base_path", "no path to put before", '"/annotate"'),
    (GATEWAY + 'base_path = "/a/../b"\n', "gateway.base_path", "no path to put before", '"/annotate"'),
    (GATEWAY + 'base_path = "//evil.example"\n', "gateway.base_path", "no path to put before", '"/annotate"'),
    (GATEWAY + 'base_path = "/a b"\n', "gateway.base_path", "no path to put before", '"/annotate"'),
    (GATEWAY + 'public_url = "annotate.example.org"\n', "gateway.public_url", "no web address", "https://"),
    (GATEWAY + 'public_url = "http://[x"\n', "gateway.public_url", "no web address", "https://"),
    (GATEWAY + 'public_url = "https://a.example/x"\n', "gateway.public_url", "does not end in the base_path /", "both"),
    (GATEWAY + 'idle_stop = "soon"\n', "gateway.idle_stop", '"soon" is no duration', '"30m"'),
    (GATEWAY + "session_length = 0\n", "gateway.session_length", '"0" is no duration', '"12h"'),
    (
        GATEWAY + 'trusted_proxies = ["proxy"]\n',
        "gateway.trusted_proxies[0]",
        "no address and no network",
        "10.0.0.0/8",
    ),
    (GATEWAY + 'trusted_proxies = ["0.0.0.0/0"]\n', "gateway.trusted_proxies[0]", "is everybody", "Name the address"),
    (GATEWAY + 'trusted_proxies = ["::/0"]\n', "gateway.trusted_proxies[0]", "is everybody", "Name the address"),
    (GATEWAY + 'tls_certificate = "labels.txt"\n', "gateway.tls_certificate", "says nothing without tls_key", "both"),
    (
        GATEWAY + 'public_url = "http://x.org"\ntls_certificate = "labels.txt"\ntls_key = "labels.txt"\n',
        "gateway.public_url",
        "people come by https",
        "https://",
    ),
    (GATEWAY + 'tls_key = "labels.txt"\n', "gateway.tls_key", "says nothing without tls_certificate", "both"),
    (
        GATEWAY + 'tls_certificate = "labels.txt"\ntls_key = "no.pem"\n',
        "gateway.tls_key",
        "There is no file",
        "Correct",
    ),
    (GATEWAY + 'auth = "none"\n', "gateway.auth", '"none" does not fit', '"password", "header" or "oidc"'),
    (HEADER, "gateway.trusted_proxies", "lets nobody in", "Name the address"),
    (HEADER + TRUSTED + 'header = "X Name"\n', "gateway.header", "no header to carry", "X-Remote-User"),
    (HEADER + TRUSTED + 'header = "Cookie"\n', "gateway.header", "no header to carry", "X-Remote-User"),
    (HEADER + TRUSTED + 'header = "X-Forwarded-For"\n', "gateway.header", "no header to carry", "X-Remote-User"),
    (GATEWAY + 'header = "X-User"\n', "gateway.header", 'no effect without auth = "header"', "Leave it out"),
    (GATEWAY + 'client_id = "team"\n', "gateway.client_id", 'no effect without auth = "oidc"', "Leave it out"),
    (GATEWAY + 'claim = "sub"\n', "gateway.claim", 'no effect without auth = "oidc"', "Leave it out"),
    (GATEWAY + 'client_secret = "hush"\n', "gateway.client_secret", "no key client_secret", "client_secret_file"),
    (OIDC.replace('client_id = "team"\n', ""), "gateway.client_id", "needs client_id", "registration"),
    (OIDC.replace("https:", "http:"), "gateway.issuer", "no https:// address", "https://"),
    (OIDC + 'client_secret_file = "no.txt"\n', "gateway.client_secret_file", "There is no file", "Correct"),
    (
        GOOD + 'login = "a@x"\n' + JANE + 'login = "A@x"\n' + OIDC.removeprefix(GOOD),
        "annotator.login",
        "A@x is both joe's and jane's",
        "their own",
    ),
    (
        GOOD + JANE + 'login = "Joe"\n' + OIDC.removeprefix(GOOD),
        "annotator.login",
        "Joe is both joe's and jane's",
        "their own",
    ),
    (GATEWAY + '[[manager]]\nname = "Joe"\n', "manager[0].name", "differ only in case", "Spell them alike"),
    (GATEWAY + '[[manager]]\nname = "m"\n[[manager]]\nname = "M"\n', "manager[1].name", "there already", "Take one"),
]


@pytest.mark.parametrize(("text", "where", "said", "remedy"), ONE)
def test_one_problem(load: Load, text: str, where: str, said: str, remedy: str) -> None:
    with pytest.raises(RosterError) as caught:
        load(text)
    (problem,) = caught.value.problems
    assert problem.where == where
    assert said in problem.text
    assert remedy in problem.remedy
    assert "hush" not in str(caught.value)


WARNINGS = [
    (GATEWAY + 'host = "0.0.0.0"\n', "gateway.host", "speaks plain HTTP"),
    (GOOD + 'login = "joe@example.org"\n[gateway]\n', "annotator.login", 'no effect without auth = "oidc"'),
    (OIDC + 'client_secret_file = "labels.txt"\n', "gateway.client_secret_file", "can be read by others"),
]


@pytest.mark.parametrize(("text", "where", "said"), WARNINGS)
def test_one_warning(load: Load, folder: Path, text: str, where: str, said: str) -> None:
    (folder / "labels.txt").chmod(0o644)
    (warning,) = load(text).warnings
    assert warning.where == where
    assert said in warning.text
    assert warning.remedy


@pytest.mark.parametrize(
    "text",
    [
        HEADER + TRUSTED,
        OIDC,
        OIDC.replace("https://id.example.org", "http://127.0.0.1:9000"),
        GATEWAY + 'host = "0.0.0.0"\ntls_certificate = "labels.txt"\ntls_key = "labels.txt"\n',
        GATEWAY + 'host = "0.0.0.0"\n' + TRUSTED,
        GATEWAY + 'trusted_proxies = ["10.0.0.0/8", "::1"]\nbase_path = "/a/b.c/d-e/"\n',
        GATEWAY + '[[manager]]\nname = "joe"\n[[manager]]\nname = "maria"\n',
        GOOD + 'login = "jane"\n' + JANE + 'login = "joe"\n' + OIDC.removeprefix(GOOD),
        OIDC + '[[manager]]\nname = "joe"\nlogin = "joe"\n',
        GATEWAY + 'public_url = "https://annotate.example.org/annot/"\nbase_path = "/annot"\n',
    ],
)
def test_nothing_is_wrong_with_these(load: Load, text: str) -> None:
    assert load(text).warnings == ()


def test_settled_values(load: Load, folder: Path) -> None:
    settings = GatewaySettings.of(
        load(
            GATEWAY + 'base_path = "/x/y/"\nidle_stop = "2m"\ntls_certificate = "labels.txt"\ntls_key = "labels.txt"\n'
        )
    )
    assert (settings.base_path, settings.idle_stop, settings.session_length) == ("/x/y", 120.0, 12 * 3600.0)
    assert settings.tls_key == folder / "labels.txt"
    assert settings.url == "https://127.0.0.1:8080/x/y"
    assert (settings.team, settings.header, settings.claim) == ("news", "x-remote-user", "email")


@given(st.dictionaries(st.sampled_from(["base_path", "public_url", "issuer", "header", "idle_stop"]), st.text()))
def test_no_text_whatsoever_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, table: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "team.toml"
    lines = [f"{key} = {json.dumps(value, ensure_ascii=True)}" for key, value in table.items()]
    text = "\n".join(lines).replace("\\ud", "x")  # a lone surrogate is no TOML
    path.write_text(GATEWAY.replace("headlines.jsonl", "sample:headlines") + 'auth = "oidc"\n' + text, encoding="utf-8")
    with contextlib.suppress(RosterError):
        load_roster(path, {"HOME": "/nowhere"})
