/** The page: heading, card, decisions, sidebar, and the keyboard. */
import { Component } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Around, type Hand } from "./context";
import { InstructionsDialog, KeysDialog, read_version, remember_version } from "./dialogs";
import type { Desk, Item } from "./desk";
import type { Past } from "./history";
import { listen_for_swipes, SWIPED } from "./gestures";
import { action_keys, is_composing, is_pressable, is_typing, key_text, keys_of, type Action } from "./keys";
import { Late } from "./late";
import { views_of } from "./prepare";
import { Sidebar } from "./sidebar";
import { headline, is_object, parse, show, text, type Decision, type Task } from "./task";
import { next_theme, set_theme } from "./theme";
import { DRAWN, Guard, View } from "./views/view";
import { say, say_count, type Word } from "./words";

interface State {
  keys: boolean;
  instructions: boolean;
  changed: boolean;
  sidebar: boolean;
  details: boolean;
}

export class App extends Component<{ desk: Desk; announce(message: string): void }, State> {
  private readonly hands = new Set<Hand>();
  private told = this.props.desk.current?.key;
  private readonly actions = action_keys(this.props.desk.project.keymap);
  override state: State = { keys: false, instructions: false, changed: false, sidebar: false, details: false };

  override componentDidMount(): void {
    document.addEventListener("keydown", this.press);
    const { desk } = this.props;
    const version = desk.project.instructions?.version;
    const seen = read_version(desk.owner);
    if (version !== undefined && seen !== version) {
      this.setState({ instructions: true, changed: seen !== null });
      remember_version(desk.owner, version);
    }
  }

  override componentWillUnmount(): void {
    document.removeEventListener("keydown", this.press);
  }

  /** Whoever does not see the page is told what is on it now. */
  override componentDidUpdate(): void {
    const item = this.props.desk.current;
    if (item && item.key !== this.told) this.props.announce((item.past ? `${correcting(item.past)} ` : "") + (headline(item.task) || say("task")));
    this.told = item?.key;
  }

  private readonly press = (event: KeyboardEvent): void => {
    // A suggestion that is chosen for a field comes as a press of no key.
    if (event.defaultPrevented || !event.key || this.state.keys || this.state.instructions) return;
    const pressed = keys_of(event);
    const typing = is_typing(event.target);
    if (typing) {
      if (is_composing(event)) return;
      if (event.key === "Escape") (event.target as HTMLElement).blur();
      const found = this.action_of(pressed);
      // With a modifier a key writes nothing, so that it works in a field too.
      if (found && (event.ctrlKey || event.metaKey) && found === "save") this.run(found, event);
      return;
    }
    const pressable = is_pressable(event.target) && ["Enter", " "].includes(event.key);
    if (pressable) return;
    for (const hand of this.hands) {
      if (hand.handle(event)) {
        event.preventDefault();
        return;
      }
    }
    const action = this.action_of(pressed);
    if (action) this.run(action, event);
  };

  private action_of(pressed: string[]): Action | undefined {
    return pressed.map((key) => this.actions.get(key)).find((action) => action !== undefined);
  }

  private run(action: Action, event: Event): void {
    const { desk } = this.props;
    if (!this.offered(action)) return;
    event.preventDefault();
    if (action === "accept" || action === "reject" || action === "ignore") this.decide(action);
    else if (action === "undo") void desk.undo();
    else if (action === "save") desk.outbox.send();
    else if (action === "flag") this.flag();
    else if (action === "instructions") this.setState({ instructions: true });
    else if (action === "help") this.setState({ keys: true });
    else this.setState({ sidebar: !this.state.sidebar }, focus_history);
  }

  private key_of(action: Action): string {
    const found = [...this.actions].find(([, each]) => each === action);
    return found ? key_text(found[0]) : "";
  }

  /** Whether an action exists here and now; `buttons` and `show_flag` take some away, with their keys. */
  private offered(action: Action): boolean {
    const { desk } = this.props;
    const { project, current } = desk;
    if (action === "undo") return project.buttons.includes("undo");
    if (action === "flag") return project.show_flag && current !== undefined;
    if (action === "instructions") return project.instructions !== null;
    if (action !== "accept" && action !== "reject" && action !== "ignore") return true;
    return current !== undefined && project.buttons.includes(action) && (action === "ignore" || this.is_drawn(current));
  }

  /** What nobody has seen nobody can judge. */
  private is_drawn(item: Item): boolean {
    return !item.broken && views_of(item.task, this.props.desk.project).every((view) => DRAWN.includes(view));
  }

  readonly decide = (decision: Decision): void => {
    const active = document.activeElement;
    if (active instanceof HTMLElement && is_typing(active)) active.blur();
    this.props.desk.decide(decision);
  };

  private flag(): void {
    const { desk } = this.props;
    const flagged = desk.current?.draft.flagged !== true;
    desk.edit(flagged ? { flagged } : { flagged, flag_note: undefined });
  }

  override render() {
    const { desk, announce } = this.props;
    const { project, current } = desk;
    const title = project.team || project.dataset;
    const offered = [...this.actions].filter(([, action]) => this.offered(action));
    return (
      <Around.Provider value={{ desk, hands: this.hands, announce }}>
        <div class={this.state.sidebar ? "page with-sidebar" : "page"} onMouseDown={leave_keys}>
          <header class="top">
            <button type="button" class="menu" aria-expanded={this.state.sidebar} aria-controls="sidebar" onClick={() => this.setState({ sidebar: !this.state.sidebar })}>
              <span aria-hidden="true">☰</span><span class="unseen">{say("menu")}</span>
            </button>
            <h1>{title}</h1>
            <p class="count">{desk.total ? say("progress", { n: desk.progress.answered, total: desk.total }) : desk.progress.answered}</p>
            <Sent desk={desk} open={this.state.details} onToggle={() => this.setState({ details: !this.state.details })} />
            {project.instructions && (
              <button type="button" onClick={() => this.setState({ instructions: true })}>
                {say("instructions")} <kbd>{this.key_of("instructions")}</kbd>{this.state.changed && <span class="badge">{say("changed")}</span>}
              </button>
            )}
            <button type="button" class="quiet" onClick={() => this.setState({ keys: true })} aria-label={say("keys")}><kbd>{this.key_of("help") || "?"}</kbd></button>
            <button type="button" class="quiet" onClick={() => set_theme(next_theme())} aria-label={say("theme")}><span aria-hidden="true">◐</span></button>
            {project.gateway && (
              <p class="account"><a href={project.gateway.home}>{project.gateway.name}</a> <a href={project.gateway.logout}>{say("logOut")}</a></p>
            )}
          </header>
          <aside id="sidebar"><Late><Sidebar desk={desk} onCorrect={() => this.setState({ sidebar: false })} /></Late></aside>
          <main style={project.card_width ? { "--card-width": project.card_width } : {}}>
            <Problems desk={desk} />
            {current ? <Card item={current} desk={desk} decide={this.decide} swiped={this.offered("accept")} /> : <Nothing desk={desk} />}
          </main>
          <Decisions desk={desk} offered={(action) => this.offered(action)} run={(action, event) => this.run(action, event)} keys={this.actions} />
        </div>
        {this.state.keys && <KeysDialog actions={offered} hands={[...this.hands]} onClose={() => this.setState({ keys: false })} />}
        {this.state.instructions && <InstructionsDialog project={project} changed={this.state.changed} onClose={() => this.setState({ instructions: false })} />}
      </Around.Provider>
    );
  }
}

/** Go on with the keys in the history, where it is to be seen. */
function focus_history(): void {
  document.querySelector<HTMLElement>(".history .filter, .history > button")?.focus();
}

/** A press of the mouse leaves the keys to the page: a space after it is a decision, and not that button once more. */
function leave_keys(event: MouseEvent): void {
  const target = event.target as Element;
  if (is_typing(target) || !target.closest("button, .label, .option, .version-head")) return;
  event.preventDefault();
  if (is_typing(document.activeElement)) (document.activeElement as HTMLElement).blur();
}

function correcting({ answer }: Past): string {
  return say("correcting", { answer: say((text(answer.answer) ?? "accept") as Word) });
}

/** How many answers the server has not got; always there, and true. */
function Sent({ desk, open, onToggle }: { desk: Desk; open: boolean; onToggle(): void }) {
  const unsent = desk.outbox.unsent().length;
  const refused = desk.outbox.refused();
  const foreign = [...desk.outbox.foreign()];
  const more = refused.length > 0 || foreign.length > 0 || unsent > 0;
  return (
    <div class="sent">
      <button type="button" class={unsent || refused.length ? "state waiting" : "state"} data-unsent={unsent} aria-expanded={open} onClick={onToggle}>
        {unsent ? say("unsent", { n: unsent }) : say("unsent", { n: 0 })}
        {refused.length > 0 && ` · ${say("refusedCount", { n: refused.length })}`}
      </button>
      {open && (
        <div class="details" role="region" aria-label={say("unsent", { n: unsent })}>
          <p>{unsent ? `${say("unsent", { n: unsent })}: ${say("unsentHere")}; ${say("retry")}.` : `${say("saved")}.`}</p>
          {refused.map((entry) => (
            <p key={entry.id}>
              <b dir="auto">{headline(parse(entry.json) as Task)}</b> {say("refusedWhy", { why: entry.refusal ?? "" })}{" "}
              <button type="button" onClick={() => desk.outbox.discard(entry)}>{say("discard")}</button>
            </p>
          ))}
          {foreign.map(([who, n]) => <p key={who}>{say("others", { n, who })}</p>)}
        </div>
      )}
      {more && !desk.outbox.lasting && <p class="warning">{say("noStorage")}</p>}
    </div>
  );
}

function Problems({ desk }: { desk: Desk }) {
  const problem = desk.outbox.problem ?? desk.problem;
  if (!problem) return null;
  if (problem.kind === "login") return <LoggedOut desk={desk} unsent={desk.outbox.unsent().length} />;
  const word: Word = problem.kind === "forbidden" ? "notAllowed" : problem.kind;
  return <p class="notice problem" role="status">{say(word, { why: problem.why })}</p>;
}

/** The way back in: the page's own address, which leads over the login. Where nothing lasts, it must stay open meanwhile. */
function LoggedOut({ desk, unsent }: { desk: Desk; unsent: number }) {
  return (
    <p class="notice problem" role="alert">
      {say("loggedOut")} {unsent > 0 && say_count("keptForLogin", unsent)}{" "}
      <a href={location.pathname + location.search} target={unsent && !desk.outbox.lasting ? "_blank" : undefined}>{say("logIn")}</a>
    </p>
  );
}

interface CardProps {
  item: Item;
  desk: Desk;
  swiped: boolean;
  decide(decision: Decision): void;
}

/** Views that go from task to task; others are made anew for each. */
const STAYING = ["ner_manual", "spans_manual"];

function Card({ item, desk, decide, swiped }: CardProps) {
  const { project } = desk;
  const card = useRef<HTMLElement>(null);
  const view = text(item.task._view_id) ?? project.view;
  const gestures = project.swipe;
  useEffect(() => {
    if (!card.current || !gestures || !swiped || !SWIPED.includes(view)) return undefined;
    return listen_for_swipes(card.current, (direction) => {
      const decision = gestures[direction];
      if (decision) decide(decision);
    });
  }, [item.key]);
  return (
    <article class="card" ref={card} aria-label={say("task")}>
      {item.past && (
        <p class="notice correcting">
          {correcting(item.past)}{" "}
          <button type="button" onClick={() => desk.leave_as_it_was()}>{say("keep")}</button>
        </p>
      )}
      <Guard id={item.key} onFail={() => desk.cannot_show(item)}>
        <View key={STAYING.includes(view) ? view : item.key} view={view} task={item.draft} id={item.key} project={project} open={true} shared={false} />
      </Guard>
      {item.draft.flagged === true && <FlagNote desk={desk} task={item.draft} />}
      {!project.hide_meta && <Meta task={item.task} />}
    </article>
  );
}

function FlagNote({ desk, task }: { desk: Desk; task: Task }) {
  return (
    <label class="flag-note">
      {say("flagNote")} <input type="text" dir="auto" value={text(task.flag_note) ?? ""} onInput={(event) => desk.edit({ flag_note: event.currentTarget.value || undefined })} />
    </label>
  );
}

function Meta({ task }: { task: Task }) {
  if (!is_object(task.meta) || !Object.keys(task.meta).length) return null;
  return (
    <dl class="meta">
      {Object.entries(task.meta).map(([key, value]) => <div key={key}><dt>{key}:</dt> <dd dir="auto">{show(value)}</dd></div>)}
    </dl>
  );
}

/** Why others have tasks to do and this person has none. */
function reasons_of({ waiting, elsewhere }: Desk): string[] {
  const held = elsewhere.map(({ tasks, who, until }) => say(until ? "freeAt" : "elsewhere", { n: tasks, who, time: until ? clock(until) : "" }));
  return [
    waiting?.paused && say("paused"),
    waiting?.limit && say("limit"),
    held.length && say("elsewhereLine", { list: held.join("; ") }),
    waiting?.others && say_count("waitsForOthers", waiting.others),
    waiting?.not_yours && say_count("notYours", waiting.not_yours),
  ].filter((reason) => typeof reason === "string");
}

/** A time of day as people here write it; with the weekday where it is not soon. */
function clock(at: number): string {
  const soon = at - Date.now() < 20 * 3_600_000;
  return new Date(at).toLocaleString([], { hour: "2-digit", minute: "2-digit", ...(soon ? {} : { weekday: "short" }) });
}

/** When there is no task: why, and that this page goes on by itself. */
function Nothing({ desk }: { desk: Desk }) {
  if (!desk.empty) return <p class="card faint" role="status">{say("loading")}</p>;
  const unsent = desk.outbox.unsent().length;
  const { answered, share } = desk.progress;
  const reasons = reasons_of(desk);
  return (
    <section class="card end" role="status" aria-live="polite">
      <h2>{say("doneTitle")}</h2>
      {(unsent > 0 || answered > 0) && <p>{unsent ? say("stillUnsent", { n: unsent }) : say("done", { n: answered })}</p>}
      <p>{share !== null && share >= 1 && !reasons.length ? say("allAnswered") : say("nothing")}</p>
      {reasons.map((reason) => <p key={reason}>{reason}</p>)}
      <p class="faint">{say("goesOn")}</p>
    </section>
  );
}

interface DecisionsProps {
  desk: Desk;
  keys: Map<string, Action>;
  offered(action: Action): boolean;
  run(action: Action, event: Event): void;
}

const SIGNS: Record<string, string> = { accept: "✓", reject: "✗", ignore: "∅", undo: "↶", flag: "⚑" };

function Decisions({ desk, keys, offered, run }: DecisionsProps) {
  const actions: Action[] = [...desk.project.buttons, ...(desk.project.show_flag ? (["flag"] as const) : [])];
  const first_key = (action: Action) => [...keys].find(([, each]) => each === action)?.[0];
  const flagged = desk.current?.draft.flagged === true;
  return (
    <nav class="decisions" aria-label={say("decision")}>
      {actions.map((action) => {
        const key = first_key(action);
        return (
          <button
            type="button"
            key={action}
            class={`decision ${action}`}
            data-action={action}
            disabled={!offered(action)}
            aria-pressed={action === "flag" ? flagged : undefined}
            onClick={(event) => run(action, event)}
          >
            <span aria-hidden="true" class="sign">{SIGNS[action]}</span>
            <span>{action === "flag" && flagged ? say("flagged") : say(action as Word)}</span>
            {key && <kbd>{key_text(key)}</kbd>}
          </button>
        );
      })}
    </nav>
  );
}

/** Before the server answers: how long it has been so. */
export function Starting({ desk, since }: { desk: Desk; since: number }) {
  const [now, set_now] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => set_now(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const { kind, why = "" } = desk.problem ?? {};
  if (kind === "login") return <main class="alone"><LoggedOut desk={desk} unsent={0} /></main>;
  return (
    <main class="alone">
      <h1 class="unseen">{say("task")}</h1>
      <p class="card" role="status">
        {kind === "forbidden" ? say("notAllowed", { why }) : kind === "failing" ? say("failing", { why }) : kind ? say("starting", { n: Math.round((now - since) / 1000) }) : say("loading")}
      </p>
    </main>
  );
}
