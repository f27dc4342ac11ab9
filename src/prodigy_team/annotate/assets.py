"""The page's files as they are served: under addresses that name their content, so that browsers keep them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PAGE = Path(__file__).parent / "page"
BUILT = ("app.js", "app.css", "purify.js", "words.js")
"""What the build makes; an installation carries it, and needs no Node."""

FOR_EVER = "public, max-age=31536000, immutable"
ANEW = "no-cache"
_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_NAMED = re.compile(r"(?P<stem>[a-z]+)\.(?P<hash>[0-9a-f]{12})(?P<ending>\.[a-z]+)")


@dataclass(frozen=True)
class Asset:
    """One file of the page.

    Attributes:
        address: Relative to the page, with a hash of the content in it.
        integrity: What a browser compares the content with.
    """

    content: bytes
    kind: str
    address: str
    integrity: str


def make_asset(name: str, content: bytes) -> Asset:
    """The asset of a file's name and content."""
    stem, ending = name.rsplit(".", 1)
    address = f"static/{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{ending}"
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
    return Asset(content, _KINDS[f".{ending}"], address, integrity)


@lru_cache
def load_assets() -> Mapping[str, Asset]:
    """The files of the build, read once; processes forked later share them."""
    return {name: make_asset(name, (PAGE / "built" / name).read_bytes()) for name in BUILT}


@lru_cache
def load_icon() -> bytes:
    """The icon; browsers ask for it under a name of their own."""
    return (PAGE / "favicon.svg").read_bytes()


@lru_cache
def _template() -> str:
    return (PAGE / "index.html").read_text(encoding="utf-8")


class Pages:
    """The page of one server: the common files, and the style sheet of its own settings."""

    def __init__(self, *, global_css: str | None = None) -> None:
        self._assets = dict(load_assets())
        if global_css:
            self._assets["global.css"] = make_asset("global.css", global_css.encode())
        self.index = self._fill(_template())

    def _fill(self, template: str) -> bytes:
        own = self._assets.get("global.css")
        link = f'<link rel="stylesheet" href="{own.address}" integrity="{own.integrity}">' if own else ""
        text = template.replace("{{global.css}}", link)
        for name, asset in self._assets.items():
            text = text.replace(f"{{{{{name}}}}}", asset.address).replace(f"{{{{{name} integrity}}}}", asset.integrity)
        return text.encode()

    def find(self, name: str) -> tuple[Asset, str] | None:
        """The file that a name means, and how long a browser may keep it.

        A page that was opened before an upgrade asks by an old hash; it gets what there is now, and does not keep it.
        """
        found = _NAMED.fullmatch(name)
        asset = self._assets.get(f"{found['stem']}{found['ending']}") if found else None
        if asset is None:
            return None
        return asset, FOR_EVER if asset.address.endswith(f"/{name}") else ANEW
