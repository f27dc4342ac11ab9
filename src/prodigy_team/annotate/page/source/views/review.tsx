/** Versions of one task side by side, with who gave them; one is chosen, and may be changed. */
import { useState } from "preact/hooks";
import { useHand, useSurroundings, type ViewProps } from "../context";
import { keys_of, key_text, place_key } from "../keys";
import { diffSpans, colourOf, type Span } from "../spans";
import { list, text, type Decision, type Task } from "../task";
import { is_binary, standing_version, version_keys, versions_of, who_chose } from "../versions";
import { say, type Word } from "../words";
import { View } from "./view";

const CHANGEABLE = ["ner_manual", "spans_manual", "choice", "text_input"];

export function Review({ task, id, project }: ViewProps) {
  const { desk } = useSurroundings();
  const versions = versions_of(task);
  const binary = is_binary(versions);
  const view = text(task.view_id) ?? "text";
  // An answer that comes back after it was changed is shown in the form in which it can be changed.
  const [chosen, set_chosen] = useState(() => standing_version(task, desk.current?.past?.answer.answer));
  const [changing, set_changing] = useState(chosen < 0 && CHANGEABLE.includes(view));
  const base = { ...task };
  delete base.versions;

  const choose = (place: number, decide = false) => {
    const version = versions[place];
    if (!version) return;
    set_chosen(place);
    set_changing(false);
    desk.edit(version_keys(versions, place));
    const answer = version.answer as Decision;
    if (decide && binary && ["accept", "reject", "ignore"].includes(answer)) desk.decide(answer);
  };
  useHand({
    handle(event) {
      const pressed = keys_of(event);
      // While a version is being changed, digits are its labels.
      const place = changing ? -1 : versions.findIndex((_, at) => pressed.includes(place_key(at) ?? ""));
      if (place >= 0) choose(place, true);
      else if (pressed.includes("e") && CHANGEABLE.includes(view)) set_changing(true);
      else return false;
      return true;
    },
    keys: () => [
      ...(changing ? [] : versions.slice(0, 30).map((_, at) => ({ keys: key_text(place_key(at) ?? ""), does: say("version", { n: at + 1 }) }))),
      ...(CHANGEABLE.includes(view) ? [{ keys: "E", does: say("edit") }] : []),
    ],
  });
  const differences = diffSpans(versions.map((version) => list(version.spans) as Span[]));
  return (
    <div class="review">
      <fieldset class="versions">
        <legend class="unseen">{say("versions")}</legend>
        {versions.map((version, place) => (
          <div class={place === chosen ? "version chosen" : "version"} key={place}>
            <label class="version-head" onMouseDown={(event) => event.preventDefault()}>
              <input type="radio" name={`version-${id}`} checked={place === chosen} onChange={() => choose(place)} />
              <strong>{say("version", { n: place + 1 })}</strong>
              {text(version.answer) && <span class={`answer ${text(version.answer)}`}>{say(version.answer as Word)}</span>}
              <span class="who">{who_chose(version, [project.dataset, project.team ?? ""]).join(", ")}</span>
              {place_key(place) && <kbd>{key_text(place_key(place) ?? "")}</kbd>}
            </label>
            <View view={shown_view(view)} task={{ ...base, ...version }} id={id} project={project} open={false} shared={false} />
            <Differences place={place} found={differences} labels={project.labels} colours={project.colours} words={text(version.text) ?? text(task.text) ?? ""} />
          </div>
        ))}
      </fieldset>
      {CHANGEABLE.includes(view) && !changing && (
        <button type="button" onMouseDown={(event) => event.preventDefault()} onClick={() => set_changing(true)}>{say("edit")} <kbd>E</kbd></button>
      )}
      {changing && <View view={view} task={base} id={id * 1000 + chosen} project={project} open={true} shared={false} />}
    </div>
  );
}

/** Versions are looked at, not worked on. */
function shown_view(view: string): string {
  return view.endsWith("_manual") ? view.replace("_manual", "") : view;
}

interface DifferencesProps {
  place: number;
  found: { span: Span; in: boolean[] }[];
  labels: string[];
  colours: Record<string, string>;
  words: string;
}

/** The spans of a version that not all versions have. */
function Differences({ place, found, labels, colours, words }: DifferencesProps) {
  const own = found.filter((each) => each.in[place] && !each.in.every(Boolean));
  if (!own.length) return null;
  const points = Array.from(words);
  return (
    <p class="differences">
      {say("onlyHere")}:{" "}
      {own.map(({ span }) => {
        const colour = colourOf(span.label, labels, colours);
        return (
          <span class="difference" style={{ background: colour.fill, color: colour.ink }}>
            {points.slice(span.start, span.end).join("")} <b>{span.label}</b>
          </span>
        );
      })}
    </p>
  );
}

export type { Task };
