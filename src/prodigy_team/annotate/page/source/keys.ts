/** Which key does what: Prodigy's defaults, what `keymap` changes, and how a keypress is written ("ctrl+shift+a"). */
import { latinKey } from "./spans";
import type { Decision } from "./task";

export type Action = Decision | "undo" | "save" | "flag" | "instructions" | "help" | "history";

const DEFAULTS: Record<Action, string[]> = {
  accept: ["a"],
  reject: ["x"],
  ignore: ["space"],
  undo: ["backspace", "delete"],
  save: ["ctrl+s", "meta+s"],
  flag: ["f"],
  instructions: ["h"],
  help: ["?"],
  history: ["ctrl+h"],
};
const NAMES: Record<string, string> = {
  " ": "space", del: "delete", esc: "escape", return: "enter", arrowleft: "left", arrowright: "right", arrowup: "up",
  arrowdown: "down", spacebar: "space", command: "meta", cmd: "meta", control: "ctrl", option: "alt",
};
const MODIFIERS = ["ctrl", "meta", "alt", "shift"];

/** One way of writing a key: lower case, modifiers in a fixed order. */
export function normal_key(written: string): string {
  if (written === "+" || written === " ") return written === " " ? "space" : "+";
  const parts = written.toLowerCase().split("+").map((part) => part.trim()).map((part) => NAMES[part] ?? part);
  const key = parts.filter((part) => !MODIFIERS.includes(part)).join("+") || "+";
  return [...MODIFIERS.filter((each) => parts.includes(each)), key].join("+");
}

/**
 * The ways in which a keypress may be written. Digits come from the place on the keyboard, so that AZERTY has them; so do
 * letters where what is written there is none of ours.
 */
export function keys_of(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string[] {
  const modifiers = [event.ctrlKey && "ctrl", event.metaKey && "meta", event.altKey && "alt", event.shiftKey && "shift"].filter(Boolean);
  const key = event.key.toLowerCase();
  const named = NAMES[key] ?? key;
  const found = [...new Set([named, latinKey(event).toLowerCase()])].map((each) => [...modifiers, each].join("+"));
  const digit = /^(Digit|Numpad)(\d)$/.exec(event.code)?.slice(1);
  // Without num lock the digits beside the keyboard are arrows.
  if (digit && (digit[0] === "Digit" || key === digit[1])) found.unshift([...modifiers, digit[1]].join("+"));
  // What is printed with shift ("?") is a key of its own.
  if (event.shiftKey && named.length === 1 && !/[a-z]/.test(named)) found.push([...modifiers.filter((each) => each !== "shift"), named].join("+"));
  return found;
}

/** Key to action, after `keymap`. An action that is named there has only the keys given there. */
export function action_keys(keymap: Record<string, string[]>): Map<string, Action> {
  const found = new Map<string, Action>();
  for (const [action, keys] of Object.entries(DEFAULTS) as [Action, string[]][]) {
    for (const key of keymap[action] ?? keys) found.set(normal_key(key), action);
  }
  return found;
}

/** The keys of the option or label at a place from 0: 1 to 9, 0, then with shift, then with shift and alt. */
export function place_key(place: number): string | null {
  if (place >= 30) return null;
  const digit = String((place + 1) % 10);
  return ["", "shift+", "alt+shift+"][Math.floor(place / 10)] + digit;
}

/** The keys of labels or options: `keymap_by_label` by name or place, else the digits. */
export function label_keys(names: string[], by_label: Record<string, string>): (string | null)[] {
  const own = names.map((name, place) => by_label[name] ?? by_label[String(place)]);
  const taken = new Set(own.filter((key) => key !== undefined).map(normal_key));
  return own.map((key, place) => {
    if (key !== undefined) return normal_key(key);
    const digit = place_key(place);
    return digit !== null && taken.has(digit) ? null : digit;
  });
}

const SHOWN: Record<string, string> = { backspace: "⌫", delete: "Del", space: "␣", enter: "⏎", escape: "Esc", left: "←", right: "→", up: "↑", down: "↓", ctrl: "Ctrl", meta: "⌘", alt: "Alt", shift: "⇧" };

/** A key as it is printed on a button. */
export function key_text(key: string): string {
  const parts = key === "+" ? ["+"] : key.split("+");
  return parts.map((part) => SHOWN[part] ?? (part.length === 1 ? part.toUpperCase() : part)).join(" ");
}

/** Whether a keypress belongs to an input method; Safari says it of the last one by its number only. */
export function is_composing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** Whether keys belong to what has the focus: text being written. */
export function is_typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["radio", "checkbox", "button", "range", "submit"].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || target.isContentEditable;
}

/** Whether space and enter belong to what has the focus: something that they press. */
export function is_pressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button,a[href],input,summary,[role=button],[role=radio]") !== null;
}
