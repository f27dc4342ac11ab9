/** From a view's name to what draws it. */
import { Component, type ComponentChildren } from "preact";
import type { ViewProps } from "../context";
import { blocks_of } from "../prepare";
import { list, text } from "../task";
import { say } from "../words";
import { Choice } from "./choice";
import { Content, HtmlTask, overlaps, Text } from "./content";
import { Picture } from "./image";
import { Review } from "./review";
import { Highlights, Marking } from "./spans";
import { TextInput } from "./text_input";

/** Views that this page draws; tasks of others can be ignored only. */
export const DRAWN = [
  "text", "html", "image", "classification", "choice", "ner", "spans", "ner_manual", "spans_manual", "text_input", "blocks", "review",
];

export function View(props: ViewProps & { view: string }) {
  const { view, task, id, project } = props;
  switch (view) {
    case "text":
      return text(task.text) !== undefined ? <Text words={text(task.text) ?? ""} project={project} /> : <Content task={task} id={id} project={project} />;
    case "html":
      return <HtmlTask task={task} project={project} />;
    case "image":
      return text(task.image) ? <Picture source={text(task.image) ?? ""} id={id} /> : <Content task={task} id={id} project={project} />;
    case "classification":
      return <Classification {...props} />;
    case "choice":
      return <Choice {...props} />;
    case "ner":
    case "spans":
      return <Highlights task={task} project={project} overlap={view === "spans" || overlaps(task)} />;
    case "ner_manual":
    case "spans_manual":
      if (list(task.tokens).length && props.open) return <Marking {...props} overlap={view === "spans_manual"} />;
      return (
        <>
          {props.open && text(task.text) && <p class="notice">{say("noTokens")}</p>}
          <Highlights task={task} project={project} overlap={view === "spans_manual"} />
        </>
      );
    case "text_input":
      return <TextInput {...props} />;
    case "blocks":
      return <Blocks {...props} />;
    case "review":
      return <Review {...props} />;
    default:
      return <p class="notice" role="alert">{say("unknownView", { view })}</p>;
  }
}

function Classification({ task, id, project }: ViewProps) {
  const label = text(task.label) ?? project.label;
  return (
    <>
      {label && <h2 class="question">{label}</h2>}
      <Content task={task} id={id} project={project} />
    </>
  );
}

function Blocks({ task, id, project, open }: ViewProps) {
  const blocks = blocks_of(task, project);
  return (
    <>
      {blocks.map((block, place) => {
        const { view_id, ...own } = block;
        const view = String(view_id);
        const shown = Object.fromEntries(Object.entries({ ...task, ...own }).filter(([, value]) => value !== null));
        // A choice or a field under its own text shows it only where no other block does.
        const has_text = blocks.some((each) => each !== block && !["choice", "text_input"].includes(String(each.view_id)));
        return (
          <section class={`block ${view}`} key={place}>
            <View view={view} task={shown} id={id} project={project} open={open} shared={has_text || place > 0} />
          </section>
        );
      })}
    </>
  );
}

/** A task that cannot be drawn says so, instead of taking the page with it. */
export class Guard extends Component<{ id: number; onFail(): void; children: ComponentChildren }, { failed: number | null; why: string }> {
  override state = { failed: null as number | null, why: "" };

  override componentDidCatch(error: unknown): void {
    this.props.onFail();
    this.setState({ failed: this.props.id, why: error instanceof Error ? error.message : String(error) });
  }

  override render() {
    if (this.state.failed === this.props.id) return <p class="notice" role="alert">{say("broken", { why: this.state.why })}</p>;
    return this.props.children;
  }
}
