/** What a task is about: its text, HTML or picture, in views that ask about the whole. */
import type { ViewProps } from "../context";
import { fill_template } from "../mustache";
import { is_object, list, text, type Task } from "../task";
import { say } from "../words";
import { Html } from "./html";
import { Picture } from "./image";
import { Highlights } from "./spans";

export function Content({ task, id, project }: Pick<ViewProps, "task" | "id" | "project">) {
  const html = text(task.html);
  const picture = text(task.image);
  const words = text(task.text);
  const marked = words !== undefined && list(task.spans).length > 0;
  return (
    <div class="content">
      {picture && <Picture source={picture} id={id} name={text(task.image_alt)} />}
      {html && <Html html={html} />}
      {words !== undefined && (marked ? <Highlights task={task} project={project} overlap={overlaps(task)} /> : <Text words={words} project={project} />)}
      {!picture && !html && words === undefined && <p class="notice">{say("empty")}</p>}
    </div>
  );
}

/** A text as it is, white space included. */
export function Text({ words, project }: { words: string; project: ViewProps["project"] }) {
  const shown = project.show_whitespace ? words.replace(/\n/g, "↵\n").replace(/\t/g, "⇥\t") : words;
  return <div class="text" dir={project.direction} lang={project.lang || undefined}>{shown}</div>;
}

/** HTML of a task: its own, or the project's template filled with it. */
export function HtmlTask({ task, project }: Pick<ViewProps, "task" | "project">) {
  const template = text(task.html_template) ?? project.html_template;
  const html = template ? fill_template(template, task) : (text(task.html) ?? "");
  return html ? <div class="content"><Html html={html} /></div> : <p class="notice">{say("empty")}</p>;
}

/** Whether any two spans of a task share a character. */
export function overlaps(task: Task): boolean {
  const spans = list(task.spans).filter(is_object) as unknown as { start: number; end: number }[];
  let end = 0;
  return [...spans].sort((a, b) => a.start - b.start).some((span) => {
    const over = span.start < end;
    end = Math.max(end, span.end);
    return over;
  });
}
