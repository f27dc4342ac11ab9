"""The frame of the gateway's own pages: plain HTML that needs no script, in light and dark, on a desk or a phone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from string import Template

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; --paper: #f4f5f8; --card: #fff; --ink: #16191f; --faint: #565d6b; --line: #767d8b;
  --accent: #2b47c5; --on-accent: #fff; --warn: #fff1cc; --warn-ink: #553c00; }
@media (prefers-color-scheme: dark) { :root { --paper: #12151b; --card: #1c2028; --ink: #eceff5; --faint: #a8b0bf;
  --line: #7d8798; --accent: #a9b8ff; --on-accent: #12151b; --warn: #4a3a10; --warn-ink: #ffe6a8; } }
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; min-block-size: 100vh; min-block-size: 100dvh; display: grid; place-items: center; padding: 1rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { inline-size: min(26rem, 100%); background: var(--card); border-radius: 0.75rem; padding: 1.5rem;
  overflow-wrap: anywhere; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 1rem; }
p { margin: 0 0 1rem; }
main > :last-child, form > :last-child { margin-block-end: 0; }
form + p { margin-block-start: 1rem; }
label { display: block; font-weight: 600; margin-block-end: 0.25rem; }
input { font: inherit; color: inherit; inline-size: 100%; min-block-size: 2.75rem; padding: 0.5rem 0.75rem;
  margin-block-end: 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: 0.5rem; }
input[readonly] { border-style: dashed; }
button, .button { display: block; inline-size: 100%; min-block-size: 2.75rem; padding: 0.5rem 1rem; font: inherit;
  font-weight: 650; text-align: center; text-decoration: none; cursor: pointer; border: 0; border-radius: 0.5rem;
  background: var(--accent); color: var(--on-accent); margin-block-end: 1rem; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.faint { color: var(--faint); font-size: 0.9rem; }
.notice { background: var(--warn); color: var(--warn-ink); border-radius: 0.5rem; padding: 0.6rem 0.8rem; }
"""

_FRAME = Template(
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="robots" content="noindex">\n'
    f"<title>$title</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n$content\n</main>\n</body>\n</html>\n"
)
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; frame-ancestors 'none'; form-action "
)
_SECURITY = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # addresses of invitations are secrets; with "no-referrer" browsers would leave the Origin out too
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def page(
    title: str, content: str, *, status: int = 200, forms: str = "'self'", headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page of its own.

    Args:
        title: Plain text.
        content: HTML, in which everything from outside is escaped.
        forms: Where its forms, and the redirects that answer them, may lead, as `form-action` of the policy has it.
        headers: Besides those for security.
    """
    html = _FRAME.substitute(title=escape(title), content=content)
    security = {**_SECURITY, "content-security-policy": _POLICY + forms}
    return HTMLResponse(html, status_code=status, headers={**security, **(headers or {})})


def notice(text: str) -> str:
    """What went wrong, as HTML that is read out at once; "" for no text."""
    return f'<p class="notice" role="alert" id="notice">{escape(text)}</p>' if text else ""


def hidden(name: str, value: str) -> str:
    """A value that a form carries along."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
