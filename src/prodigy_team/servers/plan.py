"""What a command should do: the wanted servers, the lockfile and what really runs become a list of steps. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from prodigy_team.servers.lockfile import GATEWAY, ServerRecord
from prodigy_team.servers.report import Action
from prodigy_team.servers.standing import Seen

FAILURE_WINDOW = 600.0
FAILURES_BEFORE_GIVING_UP = 5


class Wanted(Protocol):
    """What the plan needs to know of a server that the roster wants; `engines.ServerPlan` is one."""

    @property
    def name(self) -> str: ...
    @property
    def port(self) -> int | None: ...
    @property
    def spec_hash(self) -> str: ...
    @property
    def spec(self) -> Mapping[str, str]: ...
    @property
    def part_of(self) -> str: ...


@dataclass(frozen=True)
class Step:
    """One thing to do about one server.

    Attributes:
        port: The port it is to have; None where none could be given.
        reason: Why, for the person.
        changed: Roster keys that differ from what runs.
        problem: What stands in the way, or "".
        forget: After a stop, drop the record as well (the server left the roster).
    """

    action: Action
    name: str
    port: int | None = None
    reason: str = ""
    changed: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""
    forget: bool = False


@dataclass(frozen=True)
class UpOptions:
    """What the caller of ``up`` asked for.

    Attributes:
        names: Only these; all where empty. A named server is started even if it was given up.
        now: Restart a changed server although somebody is answering.
        resting: Servers of the roster whose annotators are all paused.
        anew: Restart these although nothing changed.
    """

    names: tuple[str, ...] = ()
    now: bool = False
    remove_orphans: bool = False
    resting: frozenset[str] = frozenset()
    anew: tuple[str, ...] = ()

    def concerns(self, name: str) -> bool:
        """Whether the command is about this server."""
        return not self.names or name in self.names


def plan_up(
    wanted: Sequence[Wanted],
    records: Mapping[str, ServerRecord],
    seen: Mapping[str, Seen],
    ports: Mapping[str, int | None],
    options: UpOptions,
    *,
    sleepers: Collection[str] = (),
) -> list[Step]:
    """Decide what `up` does, in the order stops, restarts, then the rest in roster order.

    Args:
        wanted: The servers of the roster.
        records: The lockfile's.
        seen: What runs, by name; missing means nothing does.
        ports: The outcome of ``assign_ports``.
        sleepers: Servers that a gateway starts once somebody comes; whoever names one has it started now.
    """
    sleepers = frozenset(sleepers)
    shapes = plan_shapes(wanted, records, seen, options)
    orphans = [name for name in _orphans(wanted, records) if name not in shapes.old]
    steps = [_orphan_step(records[name], seen.get(name, Seen()), options) for name in orphans]
    steps += [_former_step(records[name], seen.get(name, Seen()), shapes) for name in shapes.old]
    for each in wanted:
        if (options.concerns(each.name) or each.name in shapes.taking_over) and each.name not in shapes.waiting:
            step = _wanted_step(each, records.get(each.name), seen.get(each.name, Seen()), ports, options)
            if each.name == GATEWAY and step.action == "restart" and shapes.held:
                step = Step("keep", each.name, step.port, "restarted once nobody answers where it would lead elsewhere")
            steps.append(_asleep(step, records.get(each.name)) if each.name in sleepers - {*options.names} else step)
    return [step for step in steps if step is not None]


@dataclass(frozen=True)
class Shapes:
    """Servers that ran whole and are wanted apart, one for each annotator, or the other way round.

    Attributes:
        old: Those of the former shape that the command is about.
        held: Those of them to which somebody answers just now, and with whom the others of their kind stay.
        taking_over: Servers of the new shape that are to run in their place.
        waiting: Servers of the new shape that cannot yet, because of those that are held.
    """

    old: tuple[str, ...] = ()
    held: frozenset[str] = frozenset()
    taking_over: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()

    @property
    def going(self) -> tuple[str, ...]:
        """Those of the former shape that are ended."""
        return tuple(name for name in self.old if name not in self.held)


def plan_shapes(
    wanted: Sequence[Wanted], records: Mapping[str, ServerRecord], seen: Mapping[str, Seen], options: UpOptions
) -> Shapes:
    """Decide for each shared server that is to run in another shape whether the change can be made now.

    All of it changes at once: two shapes of one server would hold the same port, and the same people.
    """
    found = Shapes()
    for whole, former in former_shapes(wanted, records).items():
        new = {each.name for each in wanted if whole in (each.name, each.part_of)}
        if not any(options.concerns(name) for name in {*new, *former, whole}):
            continue
        looks = [seen.get(name, Seen()) for name in former]
        if any(each.alive and each.in_use for each in looks) and not options.now:
            found = replace(found, old=(*found.old, *former), held=found.held | {*former}, waiting=found.waiting | new)
        else:
            found = replace(found, old=(*found.old, *former), taking_over=found.taking_over | new)
    return found


def former_shapes(wanted: Iterable[Wanted], records: Mapping[str, ServerRecord]) -> dict[str, tuple[str, ...]]:
    """By shared server, the records of the shape in which it is not wanted any more."""
    names = {each.name: each.part_of for each in wanted}
    wholes = {name for name, part_of in names.items() if not part_of}
    found: dict[str, tuple[str, ...]] = {}
    for name, record in records.items():
        whole = name if name in names.values() else record.part_of if record.part_of in wholes else ""
        if whole and name not in names:
            found[whole] = (*found.get(whole, ()), name)
    return found


def _former_step(record: ServerRecord, seen: Seen, shapes: Shapes) -> Step | None:
    """What becomes of a server in the shape in which it is not wanted any more."""
    now = "one for all its annotators" if record.part_of else "one for each of its annotators"
    if record.name not in shapes.held:
        return Step("stop", record.name, record.port, f"now {now}", forget=True)
    if not seen.alive:
        return None
    if not seen.in_use:
        return Step("keep", record.name, record.port, "until nobody answers on the others any more")
    return Step(
        "keep",
        record.name,
        record.port,
        problem=f"Not yet {now}: {_since(seen)}.",
        remedy=f"Later: prodigy-team up. At once: prodigy-team up {record.name} --now",
    )


def _orphans(wanted: Iterable[Wanted], records: Mapping[str, ServerRecord]) -> list[str]:
    names = {each.name for each in wanted}
    return [name for name in records if name not in names]


def _orphan_step(record: ServerRecord, seen: Seen, options: UpOptions) -> Step | None:
    if options.names and record.name not in options.names:
        return None
    if record.name in options.resting:
        return _resting_step(record, seen, now=options.now)
    reason = "no longer in the roster"
    if options.remove_orphans:
        return Step("stop", record.name, record.port, reason, forget=True)
    if not (seen.alive or seen.leftovers):
        return None
    return Step("leave", record.name, record.port, f"{reason}; still running (up --remove-orphans stops it)")


def _resting_step(record: ServerRecord, seen: Seen, *, now: bool) -> Step | None:
    """A server that nobody needs while its annotators are paused."""
    if not seen.alive:
        return None
    if seen.in_use and not now:
        text = f"paused, but {_since(seen)}"
        return Step("leave", record.name, record.port, f"{text}; still running (up --now stops it)")
    return Step("stop", record.name, record.port, "paused")


def _wanted_step(
    wanted: Wanted, record: ServerRecord | None, seen: Seen, ports: Mapping[str, int | None], options: UpOptions
) -> Step:
    port = ports.get(wanted.name)
    if record is not None and seen.alive:
        return _running_step(wanted, record, seen, port, options)
    if port is None:
        return Step(
            "blocked",
            wanted.name,
            problem="No port of the roster's range is free.",
            remedy="Widen `ports` in [team], or give the server a `port` of its own.",
        )
    changed = record is not None and record.spec_hash != wanted.spec_hash
    if record is not None and record.given_up and not changed and wanted.name not in options.names:
        return Step("given-up", wanted.name, port, problem=record.problem, remedy=start_again(wanted.name))
    return Step("start", wanted.name, port, _start_reason(record))


def _asleep(step: Step, record: ServerRecord | None) -> Step:
    """Nothing is started that nobody has asked for; what was running and died was asked for."""
    if step.action != "start" or (record is not None and record.wanted):
        return step
    return replace(step, action="sleep", reason="starts when its annotator logs in")


def start_again(name: str) -> str:
    """What to do about a server that was given up."""
    return f"When the cause is mended: prodigy-team up {name}"


def _start_reason(record: ServerRecord | None) -> str:
    if record is None:
        return "new"
    if not record.wanted:
        return "was asleep" if record.asleep else "was stopped"
    return "died" if record.pid is not None or record.failures else "was not running"


def _running_step(wanted: Wanted, record: ServerRecord, seen: Seen, port: int | None, options: UpOptions) -> Step:
    if record.stopping:
        return Step("restart", record.name, port, "was being stopped")
    changed = changed_keys(record.spec, wanted.spec)
    if port is not None and port != record.port:  # its port was given to another server by the roster
        changed = tuple(sorted({*changed, "port"}))
    if wanted.name in options.anew:
        return Step("restart", record.name, port, "asked for", changed=changed)
    if not changed:
        return _work_again_step(record, seen, now=options.now) or Step("keep", record.name, record.port)
    lost = not record.spec  # the lockfile was, and with it all that would tell what has changed
    if seen.in_use and not options.now:
        why = "although its record was lost" if lost else f"for its changed {', '.join(changed)}"
        return Step(
            "keep",
            record.name,
            record.port,
            changed=() if lost else changed,
            problem=f"Not restarted {why}: {_since(seen)}.",
            remedy=f"Later: prodigy-team up. At once: prodigy-team up {record.name} --now",
        )
    if lost:
        return Step("restart", record.name, port, "its record was lost")
    return Step("restart", record.name, port, f"changed: {', '.join(changed)}", changed=changed)


def _work_again_step(record: ServerRecord, seen: Seen, *, now: bool = False) -> Step | None:
    """A new start where that is what gives somebody work, unless they are in the middle of something."""
    if not seen.work_again or (seen.in_use and not now):
        return None
    return Step("restart", record.name, record.port, "its stream had ended, and there is work again")


def _since(seen: Seen) -> str:
    seconds = seen.idle_seconds or 0.0
    return f"somebody answered {seconds:.0f} s ago" if seconds < 90 else f"somebody answered {seconds / 60:.0f} min ago"


def changed_keys(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """The roster keys whose values differ, in alphabetical order."""
    return tuple(sorted(key for key in {*old, *new} if old.get(key) != new.get(key)))


def assign_ports(
    wanted: Sequence[Wanted],
    records: Mapping[str, ServerRecord],
    candidates: Iterable[int],
    *,
    taken: Container[int] = (),
) -> dict[str, int | None]:
    """Give every server a port: its own fixed one, else the one it had, else the next free of the range.

    Args:
        candidates: The roster's range, in order.
        taken: Ports on which somebody else listens; only new servers avoid them, a kept port stays kept.

    Returns:
        Name to port; None where the range is used up.
    """
    fixed = {each.name: each.port for each in wanted if each.port is not None}
    kept: dict[str, int] = {}
    for each in wanted:
        record = records.get(each.name)
        port = record.port if record is not None and each.name not in fixed else None
        if port is not None and port not in fixed.values() and port not in kept.values():
            kept[each.name] = port
    names = {each.name for each in wanted}
    elsewhere = {record.port for record in records.values() if record.name not in names}
    used = {*fixed.values(), *kept.values(), *elsewhere}
    free = (port for port in candidates if port not in used and port not in taken)
    ports: dict[str, int | None] = {}
    for each in wanted:
        ports[each.name] = fixed.get(each.name) or kept.get(each.name) or next(free, None)
    return ports


def plan_revive(
    records: Mapping[str, ServerRecord], seen: Mapping[str, Seen], *, names: Collection[str] = ()
) -> list[Step]:
    """Decide what ``up --revive`` does: bring back what died, and nothing else.

    A server that a person stopped is left alone, and one that was given up stays so and is only reported. One that was
    being stopped and is still wanted belongs to a `restart` that did not come to its end. One whose stream has ended
    is as good as dead once there is work again.
    """
    steps = []
    for record in records.values():
        step = _revive_step(record, seen.get(record.name, Seen()), names)
        steps += [step] if step is not None else []
    return steps


def _revive_step(record: ServerRecord, seen: Seen, names: Collection[str]) -> Step | None:
    if not record.wanted or (names and record.name not in names):
        return None
    if seen.alive:
        return _work_again_step(record, seen)
    if record.given_up:
        return Step("given-up", record.name, record.port, problem=record.problem, remedy=start_again(record.name))
    return Step("start", record.name, record.port, _start_reason(record))


def record_failure(record: ServerRecord, *, at: float, exit_code: int | None, cause: str) -> ServerRecord:
    """The record after its server died without being told to; given up at the fifth time within ten minutes.

    Args:
        at: Unix seconds.
        exit_code: Its exit code where somebody saw it, negative for a signal.
        cause: The last line of its log that says why, or "".
    """
    failures = (*(each for each in record.failures if at - each < FAILURE_WINDOW), at)[-FAILURES_BEFORE_GIVING_UP:]
    given_up = len(failures) >= FAILURES_BEFORE_GIVING_UP
    problem = f"{how_it_ended(exit_code)}{' five times in 10 minutes, given up' if given_up else ''}"
    if cause:
        problem += f': "{cause}"'
    return replace(
        record,
        pid=None,
        started_at=None,
        pgid=None,
        ready=False,
        failures=failures,
        given_up=given_up,
        exit_code=exit_code,
        problem=f"{problem}.",
    )


def how_it_ended(exit_code: int | None) -> str:
    """In words: "exited 1", "was ended by signal 9", or "died" where nobody saw it."""
    if exit_code is None:
        return "died"
    return f"exited {exit_code}" if exit_code >= 0 else f"was ended by signal {-exit_code}"


def retry_delay(failures: int, *, jitter: float) -> float:
    """Seconds that `watch` waits before it brings a server back: at once, then 2, 4, 8 … up to 60, times the jitter.

    Args:
        failures: How often it failed within the window, this time included.
        jitter: A factor around 1 that keeps servers with one cause from returning all at once.
    """
    return 0.0 if failures <= 1 else min(60.0, 2.0 ** (failures - 1)) * jitter
