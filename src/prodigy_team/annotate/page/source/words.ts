/** Every text of the page, in English; `languages.ts` has the others. `{name}` is filled in. */
import { load_part } from "./parts";
import { spanWords } from "./spans";

export const ENGLISH = {
  accept: "Accept", reject: "Reject", ignore: "Ignore", undo: "Undo", flag: "Flag", flagged: "Flagged",
  flagNote: "Note to the flag", instructions: "Instructions", changed: "changed", keys: "Keys", history: "History",
  close: "Close", menu: "Menu", theme: "Light or dark", loading: "Loading…", saved: "All answers are saved",
  unsent: "{n} unsent", retry: "will be sent as soon as the server can be reached",
  unsentHere: "kept in this browser until the server has them", refusedCount: "{n} refused",
  refusedWhy: "Refused by the server and kept in this browser: {why}",
  others: "{n} unsent of {who} are kept in this browser",
  noStorage: "This browser keeps nothing: leave the page open until everything is sent.",
  offline: "The server cannot be reached. Answers are kept here and sent by themselves.",
  asleep: "Your server is starting. Answers are kept here and sent by themselves.",
  loggedOut: "You are not logged in any more.", logIn: "Log in again", logOut: "Log out",
  keptForLogin: "1 answer is kept here and sent once you are logged in again.|{n} answers are kept here and sent once you are logged in again.",
  notAllowed: "The server does not take requests from here: {why}",
  failing: "The server has a problem: {why}", progress: "{n} of {total}", answered: "{n} answered",
  team: "Team: {n} of {total}", teamAnswered: "Team: {n} answered", mine: "{n} of them by you",
  pace: "{n} an hour", left: "about {time} left", minutes: "{n} min", hours: "{n} h",
  dataset: "Dataset", session: "Session", lang: "Language", recipe_name: "Recipe", view_id: "View", label: "Label", total: "Answered",
  stats: "This visit", latest: "Latest answers", all: "All own answers", more: "Show more", search: "Search own answers",
  noneYet: "No answers yet.", correcting: "You are correcting an answer of yours: {answer}.", keep: "Leave it as it was",
  done: "All {n} answers are saved.", doneTitle: "No tasks available", nothing: "Nothing for you right now.",
  allAnswered: "All tasks are answered.", elsewhere: "{n} on {who}’s screen", elsewhereLine: "Open elsewhere: {list}.",
  freeAt: "{n} on {who}’s screen, free at {time} at the latest", limit: "You have reached the number of tasks that is set for you.",
  waitsForOthers: "1 task waits for somebody other than you.|{n} tasks wait for somebody other than you.",
  notYours: "1 task is not for you.|{n} tasks are not for you.", paused: "You are paused in this project.",
  goesOn: "This page looks for new tasks and goes on by itself.", stillUnsent: "{n} still to be sent.",
  continues: "New tasks have come.", starting: "Your server is starting, {n} s…",
  unknownView: "This page cannot show tasks of the view “{view}”. Answer with ignore, or tell whoever manages the project.",
  broken: "This task cannot be shown: {why}", filter: "Type to filter", options: "Options", noOption: "Nothing fits “{text}”.",
  zoomIn: "Larger", zoomOut: "Smaller", zoomReset: "Whole picture", picture: "Picture of the task",
  pictureFailed: "The picture could not be loaded: {url}", answerField: "Your answer", versions: "Versions",
  version: "Version {n}", edit: "Change this version", long: "{n} tokens: this page is made for at most {most}. Consider splitting such texts.",
  keysFor: "Keys that work now", pressEsc: "leave the field",
  instructionsChanged: "The instructions have changed.", task: "Task", decision: "Decision", onlyHere: "not in all versions", discard: "Discard this answer",
  noTokens: "This text has no tokens, so nothing can be marked in it.", lostTokens: "{n} of {total} tokens do not fit this text and cannot be marked.",
  save: "Save now", empty: "no text",
};
export type Words = typeof ENGLISH;
export type Word = keyof Words;

let words = ENGLISH;
let of_spans: Record<string, string> = spanWords;

/** Change to the language of `ui_lang`; stays with English where it is none of ours, or cannot be loaded. */
export async function speak(chosen: string): Promise<string> {
  const code = chosen.toLowerCase().split(/[-_]/)[0] ?? "en";
  if (code === "en") return code;
  try {
    const { LANGUAGES, SPANS } = (await load_part("words")) as typeof import("./languages");
    const found = LANGUAGES[code];
    if (!found) return "en";
    words = found;
    of_spans = { ...spanWords, ...SPANS[code] };
    return code;
  } catch {
    return "en";
  }
}

/** A text of the token views. */
export function span_word(key: string, values: Record<string, string> = {}): string {
  return fill(of_spans[key] ?? key, values);
}

/** A text in the page's language. */
export function say(word: Word, values: Record<string, string | number> = {}): string {
  return fill(Object.hasOwn(words, word) ? words[word] : word, values);
}

/** The same for a number of things: one, or more. */
export function say_count(word: Word, n: number): string {
  const [one = "", more = one] = words[word].split("|");
  return fill(n === 1 ? one : more, { n });
}

/** Put values into `{name}`. */
export function fill(pattern: string, values: Record<string, string | number>): string {
  return pattern.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
