/** The desk of one annotator in one tab: tasks to come, the one on screen, answers given. All that the page shows. */
import { after_paint } from "./frames";
import { History, type Past } from "./history";
import { Outbox, owner_text, type Telling } from "./outbox";
import { problem_of, request, type Problem, type Reply } from "./protocol";
import { prepare } from "./prepare";
import { read_project, type Project } from "./settings";
import { open_storage, type Entry } from "./storage";
import { hash_of, is_object, list, new_id, number, parse, question_of, show, type Decision, type Task } from "./task";

/** A task on the desk. `draft` is it with what was changed; `past` is the answer that it corrects. */
export interface Item {
  key: number;
  task: Task;
  draft: Task;
  past: Past | null;
  /** It could not be drawn. */
  broken?: boolean;
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

/** Tasks that lie on other people's screens. `until`: milliseconds when they are free at the latest, where that is known. */
export interface Elsewhere {
  who: string;
  tasks: number;
  until: number | null;
}

/** Why nothing is left for this person while something is for others, in tasks; null where the server does not say. */
export interface Waiting {
  others: number;
  not_yours: number;
  limit: boolean;
  paused: boolean;
}

/** What one tab tells the others: an answer given there; null for a change of what is unsent. */
type News = { id: string; hash: number; json: string } | null;

const TEAM_AGAIN = 60_000; // milliseconds between questions for the team's progress
const RENEW = 60_000; // milliseconds that the server need not hear again of somebody who is at work
const FREED = 100; // milliseconds after the end of a lease until its task is looked for
const LOOK_AGAIN = [1000, 2000, 3000, 5000, 8000]; // milliseconds between looks for tasks while there are none

export class Desk {
  project!: Project;
  outbox!: Outbox;
  readonly history: History;
  queue: Item[] = [];
  progress: Progress = { answered: 0, share: null };
  together: Together = { answered: null, target: null, own: null };
  elsewhere: Elsewhere[] = [];
  waiting: Waiting | null = null;
  counts: Record<Decision, number> = { accept: 0, reject: 0, ignore: 0 };
  started = Date.now();
  /** Whether a look for tasks has come back empty, so that the end page may say why. */
  empty = false;
  problem: Problem = null;
  owner = "";
  private name: string | null = null;
  private pulling = false;
  private outdated = false;
  private looks = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next_key = 1;
  /** Tells the loads of this page apart. */
  private readonly screen = new_id();
  /** The task that the server knows to be on screen, by its hash. */
  private told: number | null = null;
  private told_at = 0;
  private telling_now = false;
  private readonly answered_elsewhere = new Map<string, number>();
  private answered_meanwhile = new Set<number>();
  private channel: BroadcastChannel | null = null;
  private scheduled = false;
  private was_unsent = 0;
  private decided = 0;
  private confirmed = 0;
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
      this.problem = problem_of(reply);
      return false;
    }
    this.problem = null;
    this.project = read_project(reply.content);
    const annotator = this.project.named ? this.project.session : "";
    this.owner = owner_text(this.project.team, this.project.dataset, annotator);
    this.outbox = await Outbox.open(await open_storage(), this.owner, {
      changed: () => this.outbox_changed(),
      progress: (content, telling) => {
        this.confirmed += 1;
        this.take_progress(content);
        this.heard(telling, content);
      },
      refused: (ids) => this.history.drop(ids),
      telling: (sent) => this.telling(sent),
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
    const given = { id, hash: hash_of(answer), json: JSON.stringify(answer) };
    this.outbox.add({ ...given, session: this.project.session });
    this.tell_others(given);
    this.forget_draft();
    this.later();
    after_paint(() => this.pull_ahead());
  }

  /** What the number of answers is measured by: one's own part where tasks are dealt out; 0 where it is not known. */
  get total(): number {
    const { answered, share } = this.progress;
    return this.project.dealt ? Math.round(answered / (share || Infinity)) : this.project.total;
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
    this.tell();
    this.renew();
    this.later();
  }

  /** A task could not be drawn: it can be ignored only. */
  cannot_show(item: Item): void {
    item.broken = true;
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

  /** A key or a click: whoever works at a task keeps it. An answer on its way says so too. */
  touch(): void {
    if (!this.project.dealt || Date.now() - this.told_at < RENEW) return;
    this.told = null;
    this.tell();
  }

  /** The page is about to go. */
  part(): void {
    this.outbox?.part();
    this.keep_draft();
  }

  private item(task: Task, past: Past | null): Item {
    const prepared = prepare(task, this.project, past !== null);
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
    if (this.pulling || this.outdated) return this.renew();
    this.pulling = true;
    clearTimeout(this.timer);
    const had = this.fresh_tasks();
    const held = this.held();
    this.answered_meanwhile = new Set(held);
    const telling = this.telling([]);
    const under_way = this.outbox.unsent().length > 0 && !this.outbox.problem;
    const confirmed = this.confirmed;
    const reply = await this.ask("get_session_questions", { held, page: this.project.page, ...telling });
    this.pulling = false;
    if (reply.content.outdated === true) this.outdated = true;
    else if (reply.status === 200) {
      // With an answer under way the server thinks that its task is still to be done here, and others are worse off.
      this.take_tasks(reply.content, had, under_way);
      // What answers brought meanwhile may be newer than what this request was told.
      if (confirmed === this.confirmed) this.take_progress(reply.content);
      this.heard(telling, reply.content);
    }
    else this.problem = problem_of(reply);
    if (!this.fresh_tasks() || reply.status !== 200) this.look_again();
    if (under_way && reply.status === 200) this.look_at_the_end();
    this.renew();
    this.later();
  }

  /**
   * The server has other labels or guidelines by now: what is here is finished under those it came with, then the page
   * is loaded anew.
   */
  private renew(): void {
    const waits = this.outbox.unsent().length > 0 && !this.outbox.lasting;
    if (this.outdated && !this.queue.length && !waits) location.reload();
  }

  private take_tasks(content: Record<string, unknown>, had: number, under_way: boolean): void {
    this.problem = null;
    if (this.outbox.problem) this.outbox.send();
    const known = new Set([...this.held(), ...this.answered_meanwhile]);
    const fresh = list(content.tasks).filter(is_object).filter((task) => !known.has(hash_of(task)));
    const was_empty = this.empty && !this.queue.length;
    this.queue.push(...fresh.map((task) => this.item(task, null)));
    this.take_reasons(content);
    this.empty = !fresh.length && !had && !under_way;
    if (fresh.length) this.looks = 0;
    if (!had) this.restore_draft();
    if (fresh.length && was_empty) this.on_continue();
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

  /** The last answer has arrived and nothing is left: look at once, now that the server knows it. */
  private look_at_the_end(): void {
    if (!this.fresh_tasks() && !this.outbox.unsent().length) void this.pull();
  }

  /** Why there may be nothing. */
  private take_reasons(content: Task): void {
    const { waiting } = content;
    this.waiting = is_object(waiting)
      ? { others: number(waiting.others) || 0, not_yours: number(waiting.not_yours) || 0, limit: waiting.limit === true, paused: waiting.paused === true }
      : null;
    const held = list(is_object(waiting) ? waiting.held : content.elsewhere).filter(is_object);
    this.elsewhere = held.map((each) => ({ who: show(each.session), tasks: number(each.tasks), until: number(each.until) * 1000 || null }));
  }

  private look_again(): void {
    const free = this.elsewhere.map((each) => (each.until ?? Infinity) - Date.now() + FREED).filter((pause) => pause > 0);
    const pause = Math.min(LOOK_AGAIN[Math.min(this.looks++, LOOK_AGAIN.length - 1)] ?? 0, ...free);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.pull(), pause);
  }

  private ask(path: string, more: Task): Promise<Reply> {
    return request(path, JSON.stringify({ session_id: this.project.session, owner: JSON.parse(this.owner), ...more }));
  }

  /** The hash of the task that is on screen, or comes back on it after a correction. */
  private get open_task(): number | undefined {
    const item = this.queue.find((each) => !each.past);
    return item && hash_of(item.task);
  }

  /** What a request tells of this screen: tasks whose answers are under way, and last the one that is open. */
  private telling(sent: Entry[]): Telling {
    if (!this.project.dealt) return {};
    const under_way = this.outbox.unsent().filter((entry) => !sent.includes(entry)).map((entry) => entry.hash);
    const open = this.open_task;
    return { screen: this.screen, shown: open === undefined ? under_way : [...under_way, open] };
  }

  /** Tell the server which task is on screen, where no answer on its way does; nothing waits for the reply. */
  private tell(): void {
    const open = this.open_task;
    if (!this.project.dealt || open === undefined || open === this.told) return;
    if (this.telling_now || this.pulling || this.outbox.unsent().length) return;
    this.telling_now = true;
    this.told_at = Date.now();
    const telling = this.telling([]);
    void this.ask("confirm_tasks", { ...telling }).then((reply) => {
      this.telling_now = false;
      if (reply.status === 200) this.heard(telling, reply.content);
    });
  }

  /** The server knows what is on screen, and says what is somebody else's by now. */
  private heard(telling: Telling, content: Task): void {
    if (telling.shown?.length) {
      this.told = telling.shown[telling.shown.length - 1] ?? null;
      this.told_at = Date.now();
    }
    this.skip(content.skip);
    this.tell();
  }

  private take_progress(content: Record<string, unknown>): void {
    if (typeof content.total === "number") {
      const share = number(content.progress);
      this.progress = { answered: content.total, share: Number.isNaN(share) ? null : share };
    }
  }

  /** Tasks that somebody else has taken over leave the desk without a word, unless they are being worked on. */
  private skip(hashes: unknown): void {
    const gone = new Set(list(hashes).map(Number));
    if (!gone.size) return;
    const left = this.queue.filter((item) => item.past || item.draft !== item.task || !gone.has(hash_of(item.task)));
    if (left.length === this.queue.length) return;
    this.queue = left;
    this.pull_ahead();
    this.later();
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
      const answer = parse(news.json) as Task;
      this.history.hear(answer);
      // What is done there is not to be done here, a correction no more than a task.
      this.queue = this.queue.filter((item) => (item.past ? item.past.id !== answer._replaces : hash_of(item.task) !== news.hash));
      this.pull_ahead();
      this.tell();
    }
    await this.outbox.reload();
    if (news) return;
    // What the other tab has got confirmed is nowhere any more, and the server knows it.
    const kept = new Set(this.outbox.unsent().map((entry) => entry.id));
    for (const id of this.answered_elsewhere.keys()) if (!kept.has(id)) this.answered_elsewhere.delete(id);
    this.look_at_the_end();
  }

  private tell_others(news: News): void {
    this.channel?.postMessage(news);
  }

  private outbox_changed(): void {
    const unsent = this.outbox?.unsent().length ?? 0;
    if (unsent < this.was_unsent) {
      this.tell_others(null);
      this.look_at_the_end();
    }
    this.was_unsent = unsent;
    // The server took answers again, so it has tasks again too.
    if (this.problem && this.outbox && !this.outbox.problem && !unsent) void this.pull();
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
