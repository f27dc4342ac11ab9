/** Marking by mouse, pen and touch. */
import type { Board } from "./board";
import type { Marking } from "./marking";
import type { Span, SpanOptions } from "./values";

/** Pixels that a press may move and still be a click. */
const STILL = 3;

interface Press {
  pointer: number;
  x: number;
  y: number;
  from: number;
  at: number;
  moved: boolean;
  /** By shift-click: the span to be put in place of. */
  instead: Span | null;
}

/** The gestures under way. */
export interface Pointing {
  /** The token that a next shift-click or arrow key starts from; null before the first press. */
  anchor(): number | null;
  /** Set it, and the span that a shift-click would extend. */
  settle(anchor: number | null, span: Span | null): void;
  /** A first tap that waits for the last one. */
  waiting(): number | null;
  /** Drop a drag or first tap; true if there was one. */
  cancel(): boolean;
}

/** Listen to a board's text. `begun` is called when a press takes over from the keyboard's selection. */
export function listenToPointers(board: Board, marking: Marking, options: SpanOptions, begun: () => void): Pointing {
  const { text } = board;
  let press: Press | null = null;
  let anchor: number | null = null;
  let latest: Span | null = null;
  let tapped: number | null = null;
  let kind = "mouse";
  let clicked: (number | null)[] = []; // tokens of the last two clicks; null: a label was clicked

  function settle(token: number | null, span: Span | null): void {
    [anchor, latest] = [token, span];
  }

  function mark(from: number, to: number, instead: Span | null): void {
    board.pick(null);
    const range = marking.snap(from, to);
    settle(from, range ? marking.add(range, instead) : null);
  }

  function down(event: PointerEvent): void {
    kind = event.pointerType;
    if (event.button !== 0 || event.ctrlKey || !event.isPrimary || press) return;
    if (kind === "touch" || board.chip(event.target)) return;
    const at = board.find(event.clientX, event.clientY);
    if (at === null) return;
    begun();
    tapped = null;
    const extending = event.shiftKey && anchor !== null;
    const instead = extending && latest && marking.spans().includes(latest) ? latest : null;
    const { pointerId: pointer, clientX: x, clientY: y } = event;
    press = { pointer, x, y, from: extending ? anchor! : at, at, moved: extending, instead };
    text.setPointerCapture(pointer);
    text.focus({ preventScroll: true });
    if (extending) preview();
  }

  function preview(): void {
    board.pick(press && press.moved ? marking.snap(press.from, press.at) : null);
  }

  function move(event: PointerEvent): void {
    if (!press || event.pointerId !== press.pointer) return;
    if (event.buttons & 1) track(press, event);
    else cancel(); // released where nobody told us
  }

  function track(press: Press, { clientX, clientY }: PointerEvent): void {
    const at = board.find(clientX, clientY);
    if (at === null) return;
    const moved = press.moved || at !== press.from || Math.hypot(clientX - press.x, clientY - press.y) > STILL;
    if (at === press.at && moved === press.moved) return;
    Object.assign(press, { at, moved });
    preview();
  }

  function up(event: PointerEvent): void {
    if (!press || event.pointerId !== press.pointer) return;
    track(press, event);
    const { from, at, moved, instead } = press;
    press = null;
    if (moved) {
      clicked = [];
      mark(from, at, instead);
      return;
    }
    clicked = [clicked[clicked.length - 1] ?? null, at];
    settle(at, null);
  }

  function click(event: MouseEvent): void {
    const chip = board.chip(event.target);
    if (chip) {
      clicked = [null, null];
      cancel();
      marking.remove(chip);
    } else if (kind === "touch") tap(event);
  }

  function tap(event: MouseEvent): void {
    const at = board.find(event.clientX, event.clientY);
    if (at === null) return;
    begun();
    const first = tapped;
    tapped = null;
    if (first !== null) return mark(first, at, null);
    const range = marking.snap(at, at);
    board.pick(range);
    if (!range) return;
    tapped = at;
    options.announce(options.say("spanTapLast", { text: board.passage.tokens[at]!.text }));
  }

  function double(): void {
    const [first, second] = clicked;
    clicked = [];
    if (kind !== "touch" && typeof second === "number" && first === second) mark(second, second, null);
  }

  function cancel(): boolean {
    const any = press !== null || tapped !== null;
    press = null;
    tapped = null;
    if (any) board.pick(null);
    return any;
  }

  function cancelled(event: PointerEvent): void {
    if (press?.pointer === event.pointerId) cancel();
  }

  text.addEventListener("pointerdown", down);
  text.addEventListener("pointermove", move);
  text.addEventListener("pointerup", up);
  text.addEventListener("pointercancel", cancelled);
  text.addEventListener("click", click);
  text.addEventListener("dblclick", double);
  return { anchor: () => anchor, settle, waiting: () => tapped, cancel };
}
