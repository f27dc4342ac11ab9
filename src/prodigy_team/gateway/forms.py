"""What browsers and scripts send to the gateway's own pages: bodies with an end, and the fields in them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

MOST_FIELDS = 20


async def read_body(request: Request, *, largest: int) -> bytes | None:
    """A request's body; None where it is longer than so many bytes.

    Raises:
        ClientDisconnect: It was cut off; the application answers nobody then.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > largest:
            return None
    return bytes(body)


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises:
        ValueError: It is none, or has more fields than any form here.
    """
    return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
