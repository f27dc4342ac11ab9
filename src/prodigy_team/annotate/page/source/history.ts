/** A person's own answers, newest first: those of this visit, then those that the server has from before. */
import { request } from "./protocol";
import { is_object, list, text, type Task } from "./task";

/** An answer as it was given. `id` is what a correction names; null where it was stored without one. */
export interface Past {
  id: string | null;
  answer: Task;
}

export class History {
  /** Newest first, one for each task: what was corrected since is left out. */
  pasts: Past[] = [];
  /** Whether the server may have more. */
  more = true;
  private before: number | null = null;
  private loading: Promise<boolean> | null = null;
  /** What the server found for the text looked for last, newest first; null while nothing is looked for. */
  found: Past[] | null = null;
  private wanted = "";
  private searching = false;
  private below: number | null = null;
  private readonly known = new Set<string>();
  private readonly replaced = new Set<string>();

  constructor(private readonly session: () => { session: string; owner: string }) {}

  /** Remember an answer given now. */
  add(answer: Task): Past {
    const past = this.past(answer);
    if (past.id) this.known.add(past.id);
    this.pasts = [past, ...this.pasts];
    return past;
  }

  /** Another tab has given an answer. */
  hear(answer: Task): void {
    this.pasts = this.pasts.filter((past) => past.id === null || past.id !== answer._replaces);
    this.add(answer);
  }

  /** Take an answer out, to be corrected; it comes back by `put_back`, or as a new one by `add`. */
  take(past: Past): void {
    this.pasts = this.pasts.filter((each) => each !== past);
    this.found = this.found?.filter((each) => each !== past && (each.id === null || each.id !== past.id)) ?? null;
  }

  put_back(past: Past): void {
    this.pasts = [past, ...this.pasts];
  }

  /** The server did not take these: they are no answers of this person. */
  drop(ids: string[]): void {
    this.pasts = this.pasts.filter((past) => past.id === null || !ids.includes(past.id));
  }

  /** The newest answer that is not being corrected already; asks the server once those of this visit are used up. */
  async newest(): Promise<Past | undefined> {
    while (!this.pasts.length && this.more) {
      if (!(await this.load())) return undefined;
    }
    return this.pasts[0];
  }

  /** Get earlier answers from the server; false where it cannot be reached. */
  load(): Promise<boolean> {
    this.loading ??= this.fetch().finally(() => (this.loading = null));
    return this.loading;
  }

  /** Look for a text in all own answers; an empty one ends it. While a look is under way only the newest text waits. */
  async search(text: string, changed: () => void): Promise<void> {
    this.wanted = text.trim();
    if (!this.wanted) this.found = null;
    if (this.searching) return;
    this.searching = true;
    for (let done: string | null = null; this.wanted && done !== this.wanted; ) {
      done = this.wanted;
      await this.look(done, null);
      changed();
    }
    this.searching = false;
  }

  /** Whether the server has not looked at all answers for what is searched. */
  get may_find_more(): boolean {
    return this.found !== null && this.below !== null;
  }

  /** Look further back for what is searched. */
  async search_on(): Promise<void> {
    if (this.wanted && this.below !== null) await this.look(this.wanted, this.below);
  }

  private async look(wanted: string, below: number | null): Promise<void> {
    const earlier = below === null ? [] : (this.found ?? []);
    let found: Past[] = [];
    do {
      const content = await this.ask({ before: below, find: wanted });
      if (!content || this.wanted !== wanted) return;
      for (const id of list(content.replaced)) this.replaced.add(String(id));
      below = typeof content.before === "number" ? content.before : null;
      found = [...found, ...list(content.answers).filter(is_object).map((answer) => this.past(answer))];
    } while (!found.length && below !== null);
    this.below = below;
    this.found = [...earlier, ...found.filter((past) => past.id === null || !this.replaced.has(past.id))];
  }

  private async ask(more: Task): Promise<Task | null> {
    const { session, owner } = this.session();
    const { status, content } = await request("get_session_answers", JSON.stringify({ session_id: session, owner: JSON.parse(owner), ...more }));
    // A server that does not know this path has no more to show.
    if (status === 404 || status === 405) this.more = false;
    return status === 200 ? content : null;
  }

  private async fetch(): Promise<boolean> {
    const content = await this.ask({ before: this.before });
    if (!content) return false;
    const found = list(content.answers).filter(is_object);
    for (const id of list(content.replaced)) this.replaced.add(String(id));
    this.before = typeof content.before === "number" ? content.before : null;
    this.more = this.before !== null;
    this.pasts = [...this.pasts, ...found.map((answer) => this.past(answer)).filter((past) => this.is_news(past))];
    return true;
  }

  private past(answer: Task): Past {
    const replaces = text(answer._replaces);
    if (replaces) this.replaced.add(replaces);
    return { id: text(answer._answer_id) ?? null, answer };
  }

  private is_news(past: Past): boolean {
    if (past.id === null) return true;
    const news = !this.known.has(past.id) && !this.replaced.has(past.id);
    this.known.add(past.id);
    return news;
  }
}
