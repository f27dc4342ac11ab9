"""Imports everything that a server needs, so that a fork of the process that did so is a server at once."""

from __future__ import annotations


def warm() -> None:
    """Import all modules and read what every server reads; starts no thread and opens no connection."""
    import uvicorn.lifespan.off
    import uvicorn.loops.asyncio
    import uvicorn.loops.auto
    import uvicorn.protocols.http.httptools_impl  # noqa: F401

    from prodigy_team.annotate import app, serve  # noqa: F401
    from prodigy_team.servers import logs  # noqa: F401
    from prodigy_team.store import answered, appending, connection, places, sqlite  # noqa: F401

    app.load_page()
    app.package_version()
    connection.schema()
    _import_loop()


def _import_loop() -> None:
    import contextlib

    with contextlib.suppress(ImportError):
        import uvloop  # noqa: F401
