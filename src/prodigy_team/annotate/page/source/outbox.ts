/** The outbox: an answer is stored here at once, sent within a second, and forgotten when the server has committed it. */
import { after_paint } from "./frames";
import { bytes_of, PARTING_MOST, problem_of, request, send_at_parting, why, type Problem, type Reply } from "./protocol";
import type { Entry, Storage } from "./storage";
import { is_object, list, text } from "./task";

/** What the outbox tells the page. */
export interface Reports {
  /** Something changed: numbers, refusals, problem. */
  changed(): void;
  /** The server's reply to answers that it took, and to what was told with them. */
  progress(content: Record<string, unknown>, telling: Telling): void;
  /** The server has another answer already, or cannot take these; they are kept here. */
  refused(ids: string[]): void;
  /** What is on screen, besides these answers; asked once per request. */
  telling(sent: Entry[]): Telling;
}

/** What the server is told of a screen: which load of the page it is, and the tasks there. Empty: it has no use for it. */
export interface Telling {
  screen?: string;
  shown?: number[];
}

const AT_ONCE = 40; // answers in one request
const MOST_BYTES = 1_000_000; // of one request, unless a single answer is larger
const FIRST_WAIT = 500; // milliseconds until the next try after a failure, doubled up to the longest
const LONGEST_WAIT = 8000;

export class Outbox {
  problem: Problem = null;
  private entries: Entry[] = [];
  private others: Entry[] = [];
  private sending = false;
  private again = false;
  private wait = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private soon: (() => void) | null = null;
  private largest = AT_ONCE;
  private last = 0;
  private unkept = false;
  private readonly mine = new Set<string>();
  private readonly gone = new Set<string>();

  private constructor(
    private readonly storage: Storage,
    private readonly owner: string,
    private readonly reports: Reports,
  ) {}

  /** Open it with what earlier pages of the same person left behind. */
  static async open(storage: Storage, owner: string, reports: Reports): Promise<Outbox> {
    const outbox = new Outbox(storage, owner, reports);
    await outbox.reload();
    return outbox;
  }

  /** Read the storage again: another tab has put something in or sent something. */
  async reload(): Promise<void> {
    const found = await this.storage.all().catch(() => [] as Entry[]);
    const own = found.filter((entry) => entry.owner === this.owner);
    const known = new Set(own.map((entry) => entry.id));
    // What this page is writing at the moment need not be among what was read.
    const fresh = this.entries.filter((entry) => !known.has(entry.id) && this.mine.has(entry.id));
    this.entries = [...own, ...fresh].filter((entry) => !this.gone.has(entry.id)).sort((a, b) => a.at - b.at);
    this.others = found.filter((entry) => entry.owner !== this.owner && entry.refusal === undefined);
    this.reports.changed();
  }

  /** Whether what waits outlives the page: false also once something could not be kept (a full disk). */
  get lasting(): boolean {
    return this.storage.lasting && !this.unkept;
  }

  /** Answers that the server has not confirmed, oldest first. */
  unsent(): Entry[] {
    return this.entries.filter((entry) => entry.refusal === undefined);
  }

  /** Answers that the server refused; they are kept. */
  refused(): Entry[] {
    return this.entries.filter((entry) => entry.refusal !== undefined);
  }

  /** How many answers of other people or datasets lie in this browser, by the name of whose they are. */
  foreign(): Map<string, number> {
    const found = new Map<string, number>();
    for (const entry of this.others) {
      const who = name_in(entry.owner);
      found.set(who, (found.get(who) ?? 0) + 1);
    }
    return found;
  }

  /** Keep an answer and send it. */
  add(entry: Omit<Entry, "owner" | "at">): void {
    this.last = Math.max(Date.now(), this.last + 1);
    const kept = { ...entry, owner: this.owner, at: this.last };
    this.entries.push(kept);
    this.mine.add(kept.id);
    void this.storage.put([kept]).catch(() => {
      this.unkept = true;
      this.reports.changed();
    });
    this.reports.changed();
    this.send_soon();
  }

  /** Send once the next task is on the screen: starting a request takes longer than showing it may. */
  private send_soon(): void {
    if (this.sending) {
      this.again = true;
      return;
    }
    this.soon ??= after_paint(() => this.send());
  }

  /** Send what waits; does nothing while a request is under way, whose end sends the rest. */
  send(): void {
    this.soon?.();
    this.soon = null;
    if (this.sending) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    void this.work();
  }

  /** While the page closes: everything that waits, as far as browsers allow. Sending twice does no harm. */
  part(): void {
    const waiting = this.unsent();
    const first = waiting[0];
    if (!first || this.problem?.kind === "forbidden" || this.problem?.kind === "login") return;
    const batch = fitting(waiting.filter((entry) => entry.session === first.session), waiting.length, PARTING_MOST - 2000);
    if (batch.length && batch.reduce((sum, entry) => sum + bytes_of(entry.json), 0) < PARTING_MOST - 2000) {
      send_at_parting("give_answers", this.body(batch, {}));
    }
  }

  private async work(): Promise<void> {
    this.sending = true;
    try {
      do {
        this.again = false;
        while (this.unsent().length) {
          if (!(await this.send_batch())) return this.try_later();
        }
      } while (this.again);
    } finally {
      this.sending = false;
    }
  }

  private try_later(): void {
    this.wait = Math.min(LONGEST_WAIT, this.wait ? this.wait * 2 : FIRST_WAIT);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), this.wait);
    this.reports.changed();
  }

  /** Whether it is worth going on at once. */
  private async send_batch(): Promise<boolean> {
    const waiting = this.unsent();
    const session = waiting[0]?.session;
    const batch = fitting(waiting.filter((entry) => entry.session === session), this.largest, MOST_BYTES);
    const telling = this.reports.telling(batch);
    const reply = await request("give_answers", this.body(batch, telling));
    return this.settle(batch, reply, telling);
  }

  private body(batch: Entry[], telling: Telling): string {
    const head = JSON.stringify({ session_id: batch[0]?.session, owner: JSON.parse(this.owner), ...telling });
    return `${head.slice(0, -1)},"answers":[${batch.map((entry) => entry.json).join(",")}]}`;
  }

  private settle(batch: Entry[], reply: Reply, telling: Telling): boolean {
    const { status } = reply;
    if (status === 200 || status === 409) {
      const refused = new Map(list(reply.content.refused).filter(is_object).map((each) => [text(each._answer_id) ?? "", why(reply)]));
      // An answer without an id of its own cannot be named; a refusal of the whole batch then counts for each.
      const unnamed = status === 409 && !refused.size;
      this.confirm(batch.filter((entry) => !unnamed && !refused.has(entry.id)));
      this.refuse(batch.filter((entry) => unnamed || refused.has(entry.id)), why(reply));
      this.reports.progress(reply.content, telling);
      return this.recovered();
    }
    if (status === 400 || status === 413 || status === 422) {
      // One answer that the server cannot read must not hold up the others.
      if (batch.length > 1) this.largest = 1;
      else this.refuse(batch, why(reply));
      return true;
    }
    this.problem = problem_of(reply);
    this.wait = Math.max(this.wait, reply.again / 2);
    return false;
  }

  private recovered(): boolean {
    this.problem = null;
    this.wait = 0;
    this.largest = AT_ONCE;
    this.reports.changed();
    return true;
  }

  /** Forget an answer that the server refused: somebody has read why. */
  discard(entry: Entry): void {
    this.confirm([entry]);
    this.reports.changed();
  }

  private confirm(batch: Entry[]): void {
    if (!batch.length) return;
    const ids = batch.map((entry) => entry.id);
    ids.forEach((id) => this.gone.add(id));
    this.entries = this.entries.filter((entry) => !this.gone.has(entry.id));
    void this.storage.remove(ids).catch(() => undefined);
  }

  private refuse(batch: Entry[], reason: string): void {
    if (!batch.length) return;
    for (const entry of batch) entry.refusal = reason;
    void this.storage.put(batch).catch(() => undefined);
    this.reports.refused(batch.map((entry) => entry.id));
    this.reports.changed();
  }
}

/** As many from the start as go into one request; at least one. */
export function fitting(entries: Entry[], most: number, bytes: number): Entry[] {
  let sum = 0;
  const found: Entry[] = [];
  for (const entry of entries.slice(0, most)) {
    sum += entry.json.length > bytes / 3 ? bytes_of(entry.json) : entry.json.length * 3;
    if (found.length && sum > bytes) break;
    found.push(entry);
  }
  return found;
}

/** The owner of answers: one team's dataset and one annotator. A nameless session's answers are the browser's own. */
export function owner_text(team: string | null, dataset: string, annotator: string): string {
  return JSON.stringify({ team, dataset, annotator });
}

function name_in(owner: string): string {
  const { dataset, annotator } = JSON.parse(owner) as { dataset: string; annotator: string };
  return annotator || dataset;
}
