/** Versions of one task side by side, with who gave them; one is chosen, and may be changed. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useHand, useSurroundings, type ViewProps } from "../context";
import { keys_of, key_text, place_key } from "../keys";
import { diffSpans, colourOf, type Span } from "../spans";
import { is_object, list, text, type Decision, type Task } from "../task";
import { is_binary, standing_version, version_keys, versions_of, who_chose } from "../versions";
import { say, type Word } from "../words";
import { View } from "./view";

const CHANGEABLE = ["ner_manual", "spans_manual", "choice", "text_input"];
const DECISIONS: Decision[] = ["accept", "reject", "ignore"];

export function Review({ task, id, project }: ViewProps) {
  const { desk } = useSurroundings();
  const versions = versions_of(task);
  const binary = is_binary(versions);
  const view = text(task.view_id) ?? "text";
  const past = desk.current?.past;
  const [chosen, set_chosen] = useState(() => (binary && !past ? -1 : standing_version(task, past?.answer.answer)));
  // An answer that comes back after it was changed is shown in the form in which it can be changed.
  const [changing, set_changing] = useState(chosen < 0 && (!binary || Boolean(past)) && CHANGEABLE.includes(view));
  const base = { ...task };
  delete base.versions;

  /** Taking a version that is a decision, and nothing that could be accepted, is that decision. */
  const decision = (place: number) => {
    const answer = versions[place]?.answer;
    return binary || answer !== "accept" ? DECISIONS.find((each) => each === answer) : undefined;
  };
  const choose = (place: number) => {
    const decided = decision(place);
    if (decided) return desk.decide(decided);
    set_chosen(place);
    set_changing(false);
    desk.edit(version_keys(versions, place));
  };
  useHand({
    handle(event) {
      const pressed = keys_of(event);
      // While a version is being changed, digits are its labels.
      const place = changing ? -1 : versions.findIndex((_, at) => pressed.includes(place_key(at) ?? ""));
      if (place >= 0) choose(place);
      else if (pressed.includes("e") && CHANGEABLE.includes(view)) set_changing(true);
      else return false;
      return true;
    },
    keys: () => [
      ...(changing ? [] : versions.slice(0, 30).map((_, at) => ({ keys: key_text(place_key(at) ?? ""), does: say("version", { n: at + 1 }) }))),
      ...(CHANGEABLE.includes(view) ? [{ keys: "E", does: say("edit") }] : []),
    ],
  });
  const differences = diffSpans(versions.map((version) => list(version.spans).filter(is_object) as Span[]));
  return (
    <div class="review">
      <fieldset class="versions">
        <legend class="unseen">{say("versions")}</legend>
        {versions.map((version, place) => (
          <div class={place === chosen ? "version chosen" : "version"} key={place}>
            <Head name={`version-${id}`} decides={decision(place) !== undefined} chosen={place === chosen} onChoose={() => choose(place)}>
              <strong>{say("version", { n: place + 1 })}</strong>
              {text(version.answer) && <span class={`answer ${text(version.answer)}`}>{say(version.answer as Word)}</span>}
              <span class="who">{who_chose(version, [project.dataset, project.team ?? ""]).join(", ")}</span>
              {place_key(place) && <kbd>{key_text(place_key(place) ?? "")}</kbd>}
            </Head>
            <View view={shown_view(view)} task={{ ...base, ...version }} id={id} project={project} open={false} shared={false} />
            <Differences place={place} found={differences} labels={project.labels} colours={project.colours} words={text(version.text) ?? text(task.text) ?? ""} />
          </div>
        ))}
      </fieldset>
      {CHANGEABLE.includes(view) && !changing && (
        <button type="button" onClick={() => set_changing(true)}>{say("edit")} <kbd>E</kbd></button>
      )}
      {changing && <View view={view} task={base} id={id * 1000 + chosen} project={project} open={true} shared={false} />}
    </div>
  );
}

interface HeadProps {
  name: string;
  decides: boolean;
  chosen: boolean;
  onChoose(): void;
  children: ComponentChildren;
}

/** One of several to choose from, or a button where choosing decides. */
function Head({ name, decides, chosen, onChoose, children }: HeadProps) {
  if (decides) return <button type="button" class="version-head" onClick={onChoose}>{children}</button>;
  return (
    <label class="version-head">
      <input type="radio" name={name} checked={chosen} onChange={onChoose} />
      {children}
    </label>
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
