"""The smallest program of several commands with typer, set up as ours is: without rich, which would double its time."""

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def up(name: Annotated[str, typer.Option(help="Whom.")] = "all") -> None:
    """Start."""


@app.command()
def stop(name: Annotated[str, typer.Option(help="Whom.")] = "all") -> None:
    """Stop."""


app()
