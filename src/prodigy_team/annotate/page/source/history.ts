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

  /** Take an answer out, to be corrected; it comes back by `put_back`, or as a new one by `add`. */
  take(past: Past): void {
    this.pasts = this.pasts.filter((each) => each !== past);
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

  private async fetch(): Promise<boolean> {
    const { session, owner } = this.session();
    const body = JSON.stringify({ session_id: session, owner: JSON.parse(owner), before: this.before });
    const { status, content } = await request("get_session_answers", body);
    if (status !== 200) {
      // A server that does not know this path has no more to show.
      if (status === 404 || status === 405) this.more = false;
      return false;
    }
    const found = list(content.answers).filter(is_object);
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
