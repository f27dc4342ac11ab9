/** A field to write in; what is written is the task's key `field_id`. */
import { useEffect, useRef } from "preact/hooks";
import { useHand, useSurroundings, type ViewProps } from "../context";
import { list, number, show, text } from "../task";
import { say } from "../words";
import { Content } from "./content";

export function TextInput({ task, id, project, open, shared }: ViewProps) {
  const { desk } = useSurroundings();
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const setting = (key: string) => task[key] ?? project.raw[key];
  const key = text(setting("field_id")) || "user_input";
  const label = text(setting("field_label"));
  const rows = number(setting("field_rows")) || 1;
  const suggestions = list(setting("field_suggestions")).map(show);
  useEffect(() => {
    if (setting("field_autofocus") === true && open) field.current?.focus();
  }, [id]);
  useHand({ handle: () => false, keys: () => (open ? [{ keys: "Esc", does: say("pressEsc") }] : []) });
  const common = {
    id: `field-${key}`,
    ref: field,
    dir: "auto" as const,
    disabled: !open,
    value: text(task[key]) ?? "",
    placeholder: text(setting("field_placeholder")) ?? "",
    "aria-label": label ? undefined : say("answerField"),
    onInput: (event: { currentTarget: { value: string } }) => desk.edit({ [key]: event.currentTarget.value }),
  };
  return (
    <div class="text-input">
      {!shared && (text(task.text) ?? text(task.html) ?? text(task.image)) !== undefined && <Content task={task} id={id} project={project} />}
      {label && <label for={common.id}>{label}</label>}
      {rows > 1 ? <textarea rows={rows} {...common} /> : <input type="text" list={suggestions.length ? `${common.id}-list` : undefined} {...common} />}
      {suggestions.length > 0 && rows < 2 && (
        <datalist id={`${common.id}-list`}>{suggestions.map((each) => <option key={each} value={each} />)}</datalist>
      )}
    </div>
  );
}
