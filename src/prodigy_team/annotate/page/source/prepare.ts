/** What a view adds to a task before anybody touches it: the keys that its answer has in any case. */
import { frequent_version, version_keys, versions_of } from "./versions";
import type { Project } from "./settings";
import { is_object, list, text, type Task } from "./task";

/** The views of a task: its blocks' where it has blocks. */
export function views_of(task: Task, project: Project): string[] {
  const view = text(task._view_id) ?? project.view;
  if (view !== "blocks") return [view];
  return blocks_of(task, project).map((block) => String(block.view_id));
}

/** The blocks of a task; a task may bring its own in its `config`. */
export function blocks_of(task: Task, project: Project): Record<string, unknown>[] {
  const own = is_object(task.config) ? list(task.config.blocks).filter(is_object) : [];
  return own.length ? own : project.blocks;
}

/** The task with the keys that an untouched answer has; `answered`: what was decided under review stays. */
export function prepare(task: Task, project: Project, answered = false): Task {
  let prepared = task;
  for (const view of views_of(task, project)) {
    if (view === "choice" && !Array.isArray(prepared.accept)) prepared = { ...prepared, accept: [] };
    if ((view === "ner_manual" || view === "spans_manual") && !Array.isArray(prepared.spans)) prepared = { ...prepared, spans: [] };
    if (view === "review" && !answered) prepared = choose_version(prepared);
  }
  return prepared;
}

function choose_version(task: Task): Task {
  const versions = versions_of(task);
  return { ...task, ...version_keys(versions, frequent_version(versions)) };
}
