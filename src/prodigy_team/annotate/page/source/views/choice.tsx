/** Options to choose one or several of: native radio buttons or check boxes, digits, a filter above ten. */
import { useRef, useState } from "preact/hooks";
import { useHand, useSurroundings, type ViewProps } from "../context";
import { key_text, keys_of, label_keys } from "../keys";
import { is_object, list, show, text, type Task } from "../task";
import { say } from "../words";
import { Content } from "./content";
import { Html } from "./html";
import { Filter, fits, MANY } from "./labels";

interface Option {
  id: unknown;
  text: string;
  html?: string;
  image?: string;
}

function options_of(task: Task): Option[] {
  const given = list(task.options).filter((each) => each !== null).map((each) => (is_object(each) ? each : { id: each }) as Task);
  return given.map((option) => ({
    id: option.id ?? option.text, text: show(option.text ?? option.label ?? (option.html || option.image ? "" : option.id)), html: text(option.html), image: text(option.image),
  }));
}

function is_single(task: Task, project: ViewProps["project"]): boolean {
  const own = is_object(task.config) ? task.config.choice_style : undefined;
  return (own ?? task.choice_style ?? project.choice_style) !== "multiple";
}

export function Choice({ task, id, project, open, shared }: ViewProps) {
  const { desk } = useSurroundings();
  const [typed, set_typed] = useState("");
  const with_arrows = useRef(false);
  const options = options_of(task);
  const single = is_single(task, project);
  const chosen = list(task.accept).map(show);
  const by_label = project.keymap_by_label;
  const keys = label_keys(options.map((option) => (String(show(option.id)) in by_label ? show(option.id) : option.text)), by_label);

  const choose = (place: number, by_hand: boolean) => {
    const option = options[place];
    if (!option || !open) return;
    const others = list(task.accept).filter((each) => show(each) !== show(option.id));
    const was = others.length < chosen.length;
    desk.edit({ accept: single ? (was && by_hand ? [] : [option.id]) : was ? others : [...others, option.id] });
    const auto = is_object(task.config) && typeof task.config.choice_auto_accept === "boolean" ? task.config.choice_auto_accept : project.choice_auto_accept;
    if (single && auto && !was && !with_arrows.current && !shared) desk.decide("accept");
    with_arrows.current = false;
  };
  useHand({
    handle(event) {
      const pressed = keys_of(event);
      const place = open ? keys.findIndex((key) => key !== null && pressed.includes(key)) : -1;
      if (place < 0 || place >= options.length) return false;
      choose(place, true);
      return true;
    },
    keys: () => (open ? options.slice(0, 30).flatMap((option, at) => (keys[at] ? [{ keys: key_text(keys[at] ?? ""), does: option.text || show(option.id) }] : [])) : []),
  });

  const shown = options.map((option, place) => ({ option, place })).filter(({ option }) => fits(option.text || show(option.id), typed));
  return (
    <div class="choice">
      {!shared && <div class="sticky"><Content task={task} id={id} project={project} /></div>}
      {open && options.length > MANY && <Filter typed={typed} onType={set_typed} onEnter={() => shown[0] && choose(shown[0].place, true)} />}
      <fieldset class="options">
        <legend class="unseen">{say("options")}</legend>
        {shown.map(({ option, place }) => (
          <label class="option" key={place}>
            <input
              type={single ? "radio" : "checkbox"}
              name={open ? `choice-${id}` : undefined}
              disabled={!open}
              checked={chosen.includes(show(option.id))}
              onKeyDown={(event) => (with_arrows.current = event.key.startsWith("Arrow"))}
              onChange={() => choose(place, false)}
            />
            <span class="option-content">
              {option.image && <img src={option.image} alt={option.text || show(option.id)} referrerpolicy="no-referrer" />}
              {option.html ? <Html html={option.html} /> : option.text && <span dir="auto">{option.text}</span>}
            </span>
            {open && keys[place] && <kbd>{key_text(keys[place] ?? "")}</kbd>}
          </label>
        ))}
        {typed && !shown.length && <p class="notice">{say("noOption", { text: typed })}</p>}
      </fieldset>
    </div>
  );
}
