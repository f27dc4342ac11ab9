/** The token view: a board, its list of spans, and, unless it is read-only, pointers and keys. */
import { createBoard } from "./board";
import { createKeyboard, describeKeys, type Keyboard } from "./keyboard";
import { createListing } from "./listing";
import { createMarking } from "./marking";
import { listenToPointers, type Pointing } from "./pointing";
import type { SpanOptions, SpanTask, SpanView } from "./values";

/** Spans from which on their list, then far below, is drawn a frame after the text. */
const MANY = 20;

const afterFrame = (then: () => void): void => void requestAnimationFrame(() => requestAnimationFrame(then));

/** Draw a task's text with its spans; unless read-only or without tokens, they can be changed by mouse, touch and keys. */
export function createSpanView(task: SpanTask, options: SpanOptions): SpanView {
  const board = createBoard(task, options);
  const open = !options.readOnly && board.passage.tokenised;
  const marking = createMarking(board, options, task.spans ?? [], redraw);
  const listing = createListing(board, options, marking.textOf, open ? marking.remove : null);
  let pointing: Pointing | null = null;
  let keyboard: Keyboard | null = null;

  let listed = marking.spans().length <= MANY;

  function redraw(): void {
    board.show(marking.spans());
    if (listed) listing.show(marking.spans());
  }

  const element = document.createElement("div");
  element.className = "spans";
  element.dir = options.direction;
  element.append(board.text, listing.element);
  if (open) {
    board.text.classList.add("spans-open");
    board.text.setAttribute("role", "application");
    board.text.setAttribute("aria-label", options.say("spanText"));
    board.text.tabIndex = 0;
    pointing = listenToPointers(board, marking, options, () => keyboard?.clear());
    keyboard = createKeyboard(board, marking, pointing, options);
  }
  redraw();
  if (!listed)
    afterFrame(() => {
      listed = true;
      listing.show(marking.spans());
    });

  return {
    element,
    get label() {
      return marking.label;
    },
    lost: board.passage.lost,
    setLabel(label) {
      marking.label = label;
    },
    handleKey: (event) => keyboard?.handle(event) ?? false,
    keys: () => (open ? describeKeys(options) : []),
    spans: () => [...marking.spans()],
    undo: () => open && marking.step(-1),
    redo: () => open && marking.step(1),
    destroy() {
      pointing?.cancel();
      keyboard?.clear();
      element.remove();
    },
  };
}
