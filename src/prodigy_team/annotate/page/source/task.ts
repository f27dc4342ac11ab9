/** A task as it is served, an answer as it is given, and what must survive the way through this page unchanged. */

/** A task: free JSON; the keys that the page reads are narrowed where they are read. */
export type Task = { [key: string]: unknown };
export type Decision = "accept" | "reject" | "ignore";

interface RawNumber {
  rawJSON: string;
}
const raw_json = (JSON as unknown as { rawJSON?: (text: string) => unknown }).rawJSON;
const SUSPECT = /\d{16}|\d\.\d*0[\s,}\]]|\d[eE][-+]?\d+[\s,}\]]/;

/**
 * JSON to values. Numbers that JavaScript would write differently (identifiers of 17 digits, `1.0`) are kept as they
 * were sent, where the browser can do that, so that an answer carries them back unchanged.
 */
export function parse(text: string): unknown {
  if (!raw_json || !SUSPECT.test(text)) return JSON.parse(text);
  const keep = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? raw_json(context.source)
      : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

/** A value as text for people: strings as they are, anything else as JSON. */
export function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (is_object(value) && typeof (value as unknown as RawNumber).rawJSON === "string") return String(value.rawJSON);
  return JSON.stringify(value) ?? "";
}

/** A value as a number; NaN where it is none. */
export function number(value: unknown): number {
  return typeof value === "number" ? value : is_object(value) || typeof value === "string" ? Number(show(value)) : NaN;
}

export function is_object(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as text, or undefined where it is none. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A value as a list; empty where it is none. */
export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The number by which server and page speak of a task. */
export function hash_of(task: Task): number {
  return Number(show(task._task_hash));
}

const OF_AN_ANSWER = ["answer", "_answer_id", "_replaces", "_timestamp", "_session_id", "_annotator_id"];

/** The task of an answer, as it looked when it was answered, for a correction. */
export function question_of(answer: Task): Task {
  return Object.fromEntries(Object.entries(answer).filter(([key]) => !OF_AN_ANSWER.includes(key)));
}

/** A line that people recognise a task by. */
export function headline(task: Task): string {
  const found = [task.history_text, task.text, task.html, task.label, task.image].find((each) => typeof each === "string");
  const line = (found === undefined ? show(task.meta ?? "") : String(found)).slice(0, 9999);
  const plain = typeof task.html === "string" && found === task.html ? line.replace(/<[^>]*>/g, " ") : line;
  return plain.startsWith("data:") ? "" : Array.from(plain.replace(/\s+/g, " ").trim()).slice(0, 120).join("");
}

/** An id of 32 hexadecimal digits; `crypto.randomUUID` exists on https and localhost only. */
export function new_id(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
