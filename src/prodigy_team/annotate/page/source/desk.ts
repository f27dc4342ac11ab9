/** The desk of one annotator in one tab: tasks to come, the one on screen, answers given. All that the page shows. */
import { after_paint } from "./frames";
import { History, type Past } from "./history";
import { Outbox, owner_text, type Problem } from "./outbox";
import { request, why } from "./protocol";
import { prepare } from "./prepare";
import { read_project, type Project } from "./settings";
import { open_storage } from "./storage";
import { hash_of, is_object, list, new_id, number, question_of, show, type Decision, type Task } from "./task";

/** A task on the desk. `draft` is it with what was changed; `past` is the answer that it corrects. */
export interface Item {
  key: number;
  task: Task;
  draft: Task;
  past: Past | null;
}

export interface Progress {
  answered: number;
  share: number | null;
}

/** How far all servers of the team are, and how much of a run that several people share is one's own; null: not known. */
export interface Together {
  answered: number | null;
  target: number | null;
  own: number | null;
}

/** Tasks that lie on other people's screens. */
export interface Elsewhere {
  who: string;
  tasks: number;
}

/** What one tab tells the others: a task that was answered there; null for a change of what is unsent. */
type News = { id: string; hash: number } | null;

const TEAM_AGAIN = 60_000; // milliseconds between questions for the team's progress
const LOOK_AGAIN = [1000, 2000, 3000, 5000, 8000]; // milliseconds between looks for tasks while there are none

export class Desk {
  project!: Project;
  outbox!: Outbox;
  readonly history: History;
  queue: Item[] = [];
  progress: Progress = { answered: 0, share: null };
  together: Together = { answered: null, target: null, own: null };
  elsewhere: Elsewhere[] = [];
  counts: Record<Decision, number> = { accept: 0, reject: 0, ignore: 0 };
  started = Date.now();
  /** Whether a look for tasks has come back empty, so that the end page may say why. */
  empty = false;
  problem: Problem = null;
  owner = "";
  private name: string | null = null;
  private pulling = false;
  private looks = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next_key = 1;
  private confirmed: number | null = null;
  private to_confirm: number[] = [];
  private readonly answered_elsewhere = new Map<string, number>();
  private answered_meanwhile = new Set<number>();
  private channel: BroadcastChannel | null = null;
  private scheduled = false;
  private was_unsent = 0;
  private decided = 0;
  private tasks_answered = 0;
  private counted = 0;
  private undoing: Promise<void> = Promise.resolve();
  private team_asked = -Infinity;

  constructor(
    private readonly render: () => void,
    readonly announce: (message: string) => void,
    private readonly on_continue: () => void,
  ) {
    this.history = new History(() => ({ session: this.project.session, owner: this.owner }));
  }

  /** Open the desk: settings, what was left unsent, tasks. False where the server does not answer yet. */
  async open(name: string | null): Promise<boolean> {
    this.name = name;
    const reply = await request(this.address("project"));
    if (reply.status !== 200) {
      const waits = reply.status === 0 || reply.status >= 500;
      this.problem = { kind: waits ? "offline" : "forbidden", why: why(reply) };
      return false;
    }
    this.problem = null;
    this.project = read_project(reply.content);
    const annotator = this.project.named ? this.project.session : "";
    this.owner = owner_text(this.project.team, this.project.dataset, annotator);
    this.outbox = await Outbox.open(await open_storage(), this.owner, {
      changed: () => this.outbox_changed(),
      progress: (content) => this.take_progress(content),
      refused: (ids) => this.history.drop(ids),
      shown: () => this.to_confirm.splice(0),
    });
    this.listen();
    this.outbox.send();
    await this.pull();
    return true;
  }

  /** A path, with the session's name where the page's own address has one. */
  private address(path: string): string {
    return this.name === null ? path : `${path}?session=${encodeURIComponent(this.name)}`;
  }

  get current(): Item | undefined {
    return this.queue[0];
  }

  /** Change the answer on screen. */
  edit(change: Task): void {
    const item = this.current;
    if (!item) return;
    item.draft = { ...item.draft, ...change };
    this.later();
  }

  /** Change it without drawing anew: the view has drawn it already. */
  edit_quietly(change: Task): void {
    const item = this.current;
    if (item) item.draft = { ...item.draft, ...change };
  }

  /** Answer the task on screen, and go on to the next at once. */
  decide(decision: Decision): void {
    const item = this.queue.shift();
    if (!item) return;
    const answer: Task = { ...item.draft, answer: decision, _timestamp: Math.floor(Date.now() / 1000) };
    const id = new_id();
    // An answer that was stored without an id cannot be named; one without an id is compared with it instead.
    if (!item.past || item.past.id !== null) answer._answer_id = id;
    if (item.past?.id) answer._replaces = item.past.id;
    this.counts[decision] += 1;
    this.decided += 1;
    if (!item.past) this.tasks_answered += 1;
    this.history.add(answer);
    this.confirm_current();
    this.outbox.add({ id, session: this.project.session, hash: hash_of(answer), json: JSON.stringify(answer) });
    this.tell_others(item.past ? null : { id, hash: hash_of(answer) });
    this.forget_draft();
    this.later();
    after_paint(() => this.pull_ahead());
  }

  /** How many tasks of a run that several people share this person has answered; null where that is not known. */
  get own(): number | null {
    return this.together.own === null ? null : this.together.own + this.tasks_answered - this.counted;
  }

  /**
   * Put the newest own answer on screen again. One after the other: two that wait for the server's list would both
   * take the same answer. One that was overtaken by another decision is dropped.
   */
  undo(): Promise<void> {
    const decided = this.decided;
    this.undoing = this.undoing.then(async () => {
      const past = await this.history.newest();
      if (past && this.decided === decided) this.correct(past);
      else this.later();
    });
    return this.undoing;
  }

  /** Put an earlier answer on screen, to be given anew. */
  correct(past: Past): void {
    this.history.take(past);
    this.queue.unshift(this.item(question_of(past.answer), past));
    this.later();
  }

  /** Leave the answer on screen as it was given. */
  leave_as_it_was(): void {
    const item = this.current;
    if (!item?.past) return;
    this.queue.shift();
    this.history.put_back(item.past);
    this.confirm_current();
    this.later();
  }

  async more_history(): Promise<void> {
    await this.history.load();
    this.later();
  }

  /** Look for a text in all own answers. */
  async search_history(text: string): Promise<void> {
    await this.history.search(text, () => this.later());
    this.later();
  }

  async more_found(): Promise<void> {
    await this.history.search_on();
    this.later();
  }

  /** Look for tasks now: the network is back, the page is looked at again. */
  wake(): void {
    this.outbox?.send();
    if (!this.fresh_tasks()) void this.pull();
  }

  /** The page is about to go. */
  part(): void {
    this.outbox?.part();
    this.keep_draft();
  }

  private item(task: Task, past: Past | null): Item {
    const prepared = prepare(task, this.project);
    return { key: this.next_key++, task: prepared, draft: prepared, past };
  }

  // --- tasks ------------------------------------------------------------------------------------------------------

  private fresh_tasks(): number {
    return this.queue.reduce((sum, item) => sum + (item.past ? 0 : 1), 0);
  }

  private ahead(): number {
    return Math.max(2, Math.ceil(this.project.batch_size / 2));
  }

  /** Get more tasks where few are left. */
  private pull_ahead(): void {
    if (this.fresh_tasks() <= this.ahead()) void this.pull();
  }

  private held(): number[] {
    const here = this.queue.filter((item) => !item.past).map((item) => hash_of(item.task));
    return [...here, ...this.outbox.unsent().map((entry) => entry.hash), ...this.answered_elsewhere.values()];
  }

  private async pull(): Promise<void> {
    if (this.pulling) return;
    this.pulling = true;
    clearTimeout(this.timer);
    const had = this.fresh_tasks();
    const held = this.held();
    this.answered_meanwhile = new Set(held);
    // What came on screen is told with the answer before it, where there is one.
    const shown = this.outbox.unsent().length ? [] : this.to_confirm.splice(0);
    const body = { session_id: this.project.session, held, owner: JSON.parse(this.owner), shown };
    const reply = await request("get_session_questions", JSON.stringify(body));
    this.pulling = false;
    if (reply.status === 200) this.take_tasks(reply.content, had);
    else this.problem = { kind: reply.status === 0 || reply.status > 501 ? "offline" : reply.status >= 500 ? "failing" : "forbidden", why: why(reply) };
    if (!this.fresh_tasks() || reply.status !== 200) this.look_again();
    this.later();
  }

  private take_tasks(content: Record<string, unknown>, had: number): void {
    this.problem = null;
    if (this.outbox.problem) this.outbox.send();
    const known = new Set([...this.held(), ...this.answered_meanwhile]);
    const fresh = list(content.tasks).filter(is_object).filter((task) => !known.has(hash_of(task)));
    const was_empty = this.empty && !this.queue.length;
    this.queue.push(...fresh.map((task) => this.item(task, null)));
    this.take_progress(content);
    this.elsewhere = list(content.elsewhere).filter(is_object).map((each) => ({ who: show(each.session), tasks: number(each.tasks) }));
    this.empty = !fresh.length && !had;
    if (fresh.length) this.looks = 0;
    if (!had) this.restore_draft();
    if (fresh.length && was_empty) this.on_continue();
    this.skip(content.skip);
    this.confirm_current();
    if (Date.now() - this.team_asked > TEAM_AGAIN) void this.ask_for_team();
  }

  private async ask_for_team(): Promise<void> {
    this.team_asked = Date.now();
    const reply = await request(this.address("team_progress"));
    if (reply.status !== 200) return;
    const { team, own } = reply.content;
    const known = (value: unknown) => (typeof value === "number" ? value : null);
    this.together = { answered: is_object(team) ? known(team.answered) : null, target: is_object(team) ? known(team.target) : null, own: known(own) };
    // What the server cannot have counted yet.
    this.counted = this.tasks_answered - this.outbox.unsent().length;
    this.later();
  }

  private look_again(): void {
    const pause = LOOK_AGAIN[Math.min(this.looks++, LOOK_AGAIN.length - 1)];
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.pull(), pause);
  }

  /** The server is told which task is on screen together with the next request, and nothing waits for it. */
  private confirm_current(): void {
    const item = this.current;
    if (!item || item.past || this.confirmed === item.key) return;
    this.confirmed = item.key;
    this.to_confirm.push(hash_of(item.task));
  }

  private take_progress(content: Record<string, unknown>): void {
    if (typeof content.total === "number") {
      const share = number(content.progress);
      this.progress = { answered: content.total, share: Number.isNaN(share) ? null : share };
    }
    this.skip(content.skip);
  }

  /** Tasks that somebody else has taken over leave the desk without a word, unless they are being worked on. */
  private skip(hashes: unknown): void {
    const gone = new Set(list(hashes).map(Number));
    if (!gone.size) return;
    this.queue = this.queue.filter((item) => item.past || item.draft !== item.task || !gone.has(hash_of(item.task)));
    this.confirm_current();
  }

  // --- other tabs ---------------------------------------------------------------------------------------------------

  private listen(): void {
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(`prodigy-team:${this.owner}`);
    this.channel.onmessage = ({ data }: MessageEvent<News>) => void this.hear(data);
  }

  private async hear(news: News): Promise<void> {
    if (news) {
      this.answered_elsewhere.set(news.id, news.hash);
      this.answered_meanwhile.add(news.hash);
      this.queue = this.queue.filter((item) => item.past || hash_of(item.task) !== news.hash);
      this.confirm_current();
      this.pull_ahead();
    }
    await this.outbox.reload();
    if (news) return;
    // What the other tab has got confirmed is nowhere any more, and the server knows it.
    const kept = new Set(this.outbox.unsent().map((entry) => entry.id));
    for (const id of this.answered_elsewhere.keys()) if (!kept.has(id)) this.answered_elsewhere.delete(id);
  }

  private tell_others(news: News): void {
    this.channel?.postMessage(news);
  }

  private outbox_changed(): void {
    const unsent = this.outbox?.unsent().length ?? 0;
    if (unsent < this.was_unsent) this.tell_others(null);
    this.was_unsent = unsent;
    // The server took answers again, so it has tasks again too.
    if (this.problem?.kind === "offline" && this.outbox && !this.outbox.problem && !unsent) void this.pull();
    this.later();
  }

  // --- a half-made answer survives a reload ---------------------------------------------------------------------------

  private draft_name(): string {
    return `draft:${this.owner}`;
  }

  private keep_draft(): void {
    const item = this.current;
    try {
      if (item && !item.past && item.draft !== item.task) sessionStorage.setItem(this.draft_name(), JSON.stringify(item.draft));
    } catch {
      // No storage, or too large a task: the draft is lost with the page, as it always was.
    }
  }

  private forget_draft(): void {
    try {
      sessionStorage.removeItem(this.draft_name());
    } catch {
      // As above.
    }
  }

  private restore_draft(): void {
    const item = this.current;
    try {
      const kept: unknown = JSON.parse(sessionStorage.getItem(this.draft_name()) ?? "null");
      if (item && is_object(kept) && hash_of(kept) === hash_of(item.task)) item.draft = { ...item.task, ...kept };
    } catch {
      // As above.
    }
  }

  /** Draw once for all changes of this moment. */
  private later(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.render();
    });
  }
}
