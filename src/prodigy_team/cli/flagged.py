"""`flagged`: the tasks that annotators flagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.cli.render import GAP, align, cut

if TYPE_CHECKING:
    from prodigy_team.curation.flags import Flag

EXAMPLES = ("prodigy-team flagged", "prodigy-team flagged headlines_joe --json")


def command(
    context: typer.Context,
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATASET]...", help="Where to look; all this team ever wrote when left out."),
    ] = None,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """List the tasks that annotators flagged, with their notes.

    Annotators flag with `f`, where the settings have "show_flag": true. A flag that was taken back is not listed.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import known_dataset, read_roster, roster_store
    from prodigy_team.cli.gathered import chosen_sources, single_annotators
    from prodigy_team.curation.flags import find_flags

    loaded = read_roster(path)
    with roster_store(loaded, write=False) as store:
        for name in datasets or []:
            known_dataset(store, name)
        sources = chosen_sources(store, loaded, datasets or [], target=f"{loaded.name}_gold", quiet=True)
        flags = find_flags(store, [each.name for each in sources], annotators=single_annotators(loaded))
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, flags=flags))
    else:
        output.say(flag_lines(flags))


def flag_lines(flags: Sequence[Flag]) -> list[str]:
    """Every flagged task on a line: who, what they answered, what they noted, what it is about."""
    if not flags:
        return ["Nothing is flagged."]
    rows = [(each.annotator, each.answer, cut(each.note, 40), cut(each.text, 60)) for each in flags]
    return align([("ANNOTATOR", "ANSWER", "NOTE", "TASK"), *rows], indent=GAP)
