/** The token views inside the page: the label bar, and the drawing of `spans/`. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useHand, useSurroundings, type ViewProps } from "../context";
import { key_text, keys_of, label_keys, place_key } from "../keys";
import { createSpanView, type Span, type SpanTask, type SpanView } from "../spans";
import { is_object, list, text, type Task } from "../task";
import { say, span_word } from "../words";
import { LabelBar } from "./labels";

const LONGEST = 5000;

function span_task(task: Task): SpanTask {
  const spans = list(task.spans).filter(is_object) as Span[];
  return { text: text(task.text) ?? "", tokens: list(task.tokens) as SpanTask["tokens"], spans };
}

/** Fixed highlights: `ner`, `spans`, and texts that come with spans. Overlaps are drawn as bars. */
export function Highlights({ task, project, overlap }: { task: Task; project: ViewProps["project"]; overlap: boolean }) {
  const holder = useRef<HTMLDivElement>(null);
  const { announce } = useSurroundings();
  useLayoutEffect(() => {
    const view = createSpanView(span_task(task), {
      labels: project.labels, colours: project.colours, overlap, readOnly: true, direction: project.direction,
      showWhitespace: project.show_whitespace, say: span_word, announce, onChange: () => undefined,
    });
    holder.current?.append(view.element);
    return () => view.destroy();
  }, [task.text, task.spans, task.tokens]);
  return <div class="marked" ref={holder} />;
}

/** `ner_manual` and `spans_manual`. */
export function Marking({ task, id, project, overlap }: ViewProps & { overlap: boolean }) {
  const { desk, announce } = useSurroundings();
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<SpanView | null>(null);
  const labels = project.labels;
  const [label, set_label] = useState(labels[0] ?? null);

  useLayoutEffect(() => {
    const made = createSpanView(span_task(task), {
      labels, colours: project.colours, overlap, readOnly: false, direction: project.direction,
      showWhitespace: project.show_whitespace, say: span_word, announce,
      onChange: (spans) => desk.edit_quietly({ spans }),
      onLabel: set_label,
    });
    set_label(made.label);
    set_lost(made.lost);
    view.current = made;
    holder.current?.append(made.element);
    return () => made.destroy();
  }, [id]);

  const own_keys = useMemo(() => label_keys(labels, project.keymap_by_label), [project]);
  const digits = useMemo(() => new Set(labels.map((_, at) => place_key(at))), [project]);
  const choose = (name: string) => {
    set_label(name);
    view.current?.setLabel(name);
  };
  useHand({
    handle(event) {
      const pressed = keys_of(event);
      const place = own_keys.findIndex((key) => key !== null && pressed.includes(key));
      const name = by_name(project.keymap_by_label, labels, place) ? labels[place] : undefined;
      if (name !== undefined) {
        choose(name);
        // What is selected takes the label at once, as with a digit.
        view.current?.handleKey(new KeyboardEvent("keydown", { key: "Enter", code: "Enter", cancelable: true }));
        return true;
      }
      // A digit that was given to one label is not the key of the label at that place as well.
      if (place < 0 && pressed.some((key) => digits.has(key))) return false;
      return view.current?.handleKey(event) ?? false;
    },
    keys() {
      const extra = labels.flatMap((each, at) => (by_name(project.keymap_by_label, labels, at) ? [{ keys: key_text(own_keys[at] ?? ""), does: each }] : []));
      return [...extra, ...(view.current?.keys() ?? [])];
    },
  });
  const tokens = list(task.tokens).length;
  const [lost, set_lost] = useState(0);
  // The same from task to task.
  const bar = useMemo(() => <LabelBar labels={labels} keys={own_keys} colours={project.colours} chosen={label} onChoose={choose} />, [project, label]);
  return (
    <div class="marking">
      {bar}
      {tokens > LONGEST && <p class="notice">{say("long", { n: tokens, most: LONGEST })}</p>}
      {lost > 0 && <p class="notice">{say("lostTokens", { n: lost, total: tokens })}</p>}
      <div class="marked" ref={holder} />
    </div>
  );
}

function by_name(keymap: Record<string, string>, labels: string[], at: number): boolean {
  const key = keymap[labels[at] ?? ""] ?? keymap[String(at)];
  return key !== undefined;
}
