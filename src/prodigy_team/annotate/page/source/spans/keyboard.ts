/** Marking by keys alone: a token cursor, a selection that shift extends, digits that label it. */
import type { Board } from "./board";
import type { Marking } from "./marking";
import { snap, spanAt } from "./model";
import { placeOf } from "./passage";
import type { Pointing } from "./pointing";
import type { Span, SpanOptions } from "./values";

/** The keys of one text. */
export interface Keyboard {
  /** Whether the key was used; its default is then prevented. */
  handle(event: KeyboardEvent): boolean;
  /** Drop cursor and selection; true if there was one. */
  clear(): boolean;
}

const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable='false'])";
const PRESSABLE = "button, a[href], summary, [role='button'], [role='radio'], [role='checkbox']";

/** A keypress's own sign; where it writes no Latin letter (Cyrillic, Hebrew, kana), that of the key's place. */
export function latinKey({ key, code }: Pick<KeyboardEvent, "key" | "code">): string {
  const foreign = /^[^\x00-\x7f]$/u.test(key) || key === "Process";
  return (foreign && /^Key([A-Z])$/.exec(code)?.[1]) || key;
}

/** Index of the label that a digit key stands for: 1-9, 0 is the tenth; shift +10, shift+alt +20; else null. */
export function labelIndex(event: Pick<KeyboardEvent, "code" | "key" | "shiftKey" | "altKey">): number | null {
  const [, row, digit] = /^(Digit|Numpad)(\d)$/.exec(event.code) ?? [];
  if (digit === undefined || (event.altKey && !event.shiftKey)) return null;
  if (row === "Numpad" && event.key !== digit) return null; // num lock is off: an arrow
  return ((Number(digit) + 9) % 10) + (event.shiftKey ? 10 : 0) + (event.altKey ? 10 : 0);
}

/** Keys for a board; `pointing` tells where the mouse has been. */
export function createKeyboard(board: Board, marking: Marking, pointing: Pointing, options: SpanOptions): Keyboard {
  const { text, passage } = board;
  const last = passage.tokens.length - 1;
  let cursor: number | null = null;
  let anchor: number | null = null; // the other end of a selection that was extended

  const markable = (at: number): boolean => snap(passage, at, at) !== null;
  const rightToLeft = (): boolean => getComputedStyle(text).direction === "rtl";

  /** The next markable token from `at`, itself included, going by `step`. */
  function seek(at: number, step: number): number | null {
    for (; at >= 0 && at <= last; at += step) if (markable(at)) return at;
    return null;
  }

  function go(at: number | null, extend: boolean): boolean {
    if (at === null) return true;
    pointing.cancel();
    anchor = extend ? (anchor ?? cursor ?? at) : null;
    cursor = at;
    board.point(at);
    board.pick(anchor === null ? null : marking.snap(anchor, at));
    if (!text.contains(document.activeElement)) text.focus({ preventScroll: true });
    return true;
  }

  function begin(step: number): number | null {
    const clicked = pointing.anchor();
    return clicked === null ? seek(step > 0 ? 0 : last, step) : (seek(clicked, step) ?? seek(clicked, -step));
  }

  function horizontally(step: number, event: KeyboardEvent): boolean {
    if (cursor === null) return go(begin(step), false);
    if (event.ctrlKey || event.altKey || event.metaKey) return go(nextSpan(cursor, step), event.shiftKey);
    return go(seek(cursor + step, step), event.shiftKey);
  }

  /** The first token of the next span, or of the one before. */
  function nextSpan(at: number, step: number): number | null {
    const covered = (place: number): Span | null => spanAt(passage, marking.spans(), place);
    const starts = (place: number): boolean => covered(place) !== null && covered(place) !== covered(place - 1);
    for (at += step; at > 0 && at <= last; at += step) if (starts(at) && markable(at)) return at;
    return at === 0 && covered(0) && markable(0) ? 0 : null;
  }

  /** The token above or below: the nearest one a line further, found by looking there. */
  function vertically(step: number, event: KeyboardEvent): boolean {
    if (cursor === null) return false; // the page scrolls
    const box = board.box(cursor);
    const whole = text.getBoundingClientRect();
    const x = (box.left + box.right) / 2;
    for (let y = (box.top + box.bottom) / 2 + step * box.height; whole.top < y && y < whole.bottom; y += step * 8) {
      const at = board.find(x, y);
      if (at === null) break;
      const found = board.box(at);
      if (step > 0 ? found.top >= box.bottom : found.bottom <= box.top)
        return go(seek(at, step) ?? seek(at, -step), event.shiftKey);
    }
    return true;
  }

  /** Mark what is selected: an extended selection, a first tap, else the span or the token under the cursor. */
  function apply(): boolean {
    const tapped = pointing.waiting();
    if (cursor === null && tapped === null) return false;
    const extended = tapped !== null ? marking.snap(tapped, tapped) : anchor === null ? null : marking.snap(anchor, cursor!);
    const under = cursor === null || extended || options.overlap ? null : spanAt(passage, marking.spans(), cursor);
    const range = extended ?? (under ? placeOf(passage, under) : marking.snap(cursor!, cursor!));
    pointing.cancel();
    anchor = null;
    board.pick(null);
    if (range && under?.label !== marking.label) marking.add(range, under);
    return true;
  }

  function digit(event: KeyboardEvent): boolean {
    const index = labelIndex(event);
    const label = index === null ? undefined : options.labels[index];
    if (label === undefined) return false;
    const changed = label !== marking.label;
    marking.label = label;
    if (changed) options.onLabel?.(label);
    if (!apply() && changed) options.announce(options.say("spanLabel", { label }));
    return true;
  }

  function remove(): boolean {
    if (cursor === null) return false;
    const span = spanAt(passage, marking.spans(), cursor);
    if (span) marking.remove(span);
    return true;
  }

  function clear(): boolean {
    const any = cursor !== null || anchor !== null;
    cursor = anchor = null;
    board.point(null);
    board.pick(null);
    return any;
  }

  function handle(event: KeyboardEvent): boolean {
    const target = event.target instanceof Element ? event.target : null;
    if (event.isComposing || event.defaultPrevented || target?.closest(FIELDS)) return false;
    const used = dispatch(event, Boolean(target?.closest(PRESSABLE)));
    if (used) event.preventDefault();
    return used;
  }

  function dispatch(event: KeyboardEvent, onButton: boolean): boolean {
    const command = event.ctrlKey || event.metaKey;
    const sign = latinKey(event);
    const key = sign.length === 1 ? sign.toLowerCase() : sign;
    if (command && key === "z") return marking.step(event.shiftKey ? 1 : -1);
    if (command && key === "y") return marking.step(1);
    if (key === "ArrowLeft" || key === "ArrowRight")
      return !onButton && last >= 0 && horizontally((key === "ArrowRight") === rightToLeft() ? -1 : 1, event);
    if (key === "ArrowUp" || key === "ArrowDown") return !onButton && vertically(key === "ArrowDown" ? 1 : -1, event);
    if (key === "Home" || key === "End")
      return cursor !== null && go(key === "Home" ? seek(0, 1) : seek(last, -1), event.shiftKey);
    if (command) return false;
    if (key === "Enter") return !onButton && apply();
    if (key === "Delete") return remove();
    if (key === "Escape") return [pointing.cancel(), clear()].some(Boolean);
    return digit(event);
  }

  return { handle, clear };
}

/** The keys, for the page's overlay. */
export function describeKeys(options: SpanOptions): { keys: string; does: string }[] {
  const described: [string, string, boolean][] = [
    ["← → ↑ ↓", "keySpanMove", true],
    ["⇧ ← → ↑ ↓", "keySpanExtend", true],
    ["Home End", "keySpanEnds", true],
    ["1 – 9, 0", "keySpanDigit", true],
    ["⇧ 1 – 0", "keySpanDigitMore", options.labels.length > 10],
    ["⇧ Alt 1 – 0", "keySpanDigitMost", options.labels.length > 20],
    ["Enter", "keySpanApply", true],
    ["Del", "keySpanRemove", true],
    ["Esc", "keySpanClear", true],
    ["Ctrl/⌘ Z", "keySpanUndo", true],
    ["Ctrl/⌘ ⇧ Z, Y", "keySpanRedo", true],
  ];
  return described.filter(([, , used]) => used).map(([keys, word]) => ({ keys, does: options.say(word) }));
}
