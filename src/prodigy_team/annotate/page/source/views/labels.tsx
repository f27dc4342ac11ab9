/** The bar of labels above a text: real radio buttons, their keys, and a filter where there are many. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useHand } from "../context";
import { is_composing, key_text } from "../keys";
import { colourOf } from "../spans";
import { say } from "../words";

export const MANY = 10;

interface Props {
  labels: string[];
  keys: (string | null)[];
  colours: Record<string, string>;
  chosen: string | null;
  onChoose(label: string): void;
}

export function LabelBar({ labels, keys, colours, chosen, onChoose }: Props) {
  const [typed, set_typed] = useState("");
  const bar = useRef<HTMLFieldSetElement>(null);
  useLayoutEffect(() => {
    const box = labels.length > MANY && bar.current?.querySelector<HTMLElement>(".label:has(:checked)");
    if (box && bar.current) bar.current.scrollTop = box.offsetTop - bar.current.clientHeight / 2;
  }, [chosen, typed]);
  const shown = labels.map((label, place) => ({ label, place })).filter(({ label }) => fits(label, typed));
  return (
    <fieldset class="labels" ref={bar}>
      <legend class="unseen">{say("label")}</legend>
      {labels.length > MANY && (
        <Filter typed={typed} onType={set_typed} onEnter={() => shown[0] && onChoose(shown[0].label)} />
      )}
      {shown.map(({ label, place }) => {
        const colour = colourOf(label, labels, colours);
        return (
          <label class="label" key={place} style={{ "--fill": colour.fill, "--ink": colour.ink }}>
            <input type="radio" name="label" checked={label === chosen} onChange={() => onChoose(label)} />
            <span>{label}</span>
            {keys[place] && <kbd>{key_text(keys[place] ?? "")}</kbd>}
          </label>
        );
      })}
      {!shown.length && <p class="notice">{say("noOption", { text: typed })}</p>}
    </fieldset>
  );
}

/** A field that narrows a list while it is typed in; enter takes the first, escape leaves it. */
export function Filter({ typed, onType, onEnter }: { typed: string; onType(text: string): void; onEnter(): void }) {
  const field = useRef<HTMLInputElement>(null);
  useHand({
    handle(event) {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return false;
      field.current?.focus();
      return true;
    },
    keys: () => [{ keys: "/", does: say("filter") }],
  });
  return (
    <input
      ref={field}
      class="filter"
      type="search"
      autocomplete="off"
      placeholder={`${say("filter")} (/)`}
      aria-label={say("filter")}
      value={typed}
      onInput={(event) => onType(event.currentTarget.value)}
      onKeyDown={(event) => {
        // Enter and Escape of an input method are about the word that is being written.
        if (is_composing(event) || (event.key !== "Enter" && event.key !== "Escape")) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.key === "Enter") onEnter();
        onType("");
        field.current?.blur();
      }}
    />
  );
}

/** Whether a text has what was typed, regardless of case. */
export function fits(text: string, typed: string): boolean {
  return text.toLocaleLowerCase().includes(typed.trim().toLocaleLowerCase());
}
