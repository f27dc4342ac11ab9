/** The versions of a task under review: who gave which, and what choosing one means. */
import { is_object, list, show, text, type Task } from "./task";

export function versions_of(task: Task): Task[] {
  return list(task.versions).filter(is_object);
}

/** Who gave a version, without the dataset's name in front where that can be told. */
export function who_chose(version: Task, datasets: string[]): string[] {
  const sessions = list(version.sessions).map(show);
  const found = sessions.length ? sessions : [text(version._annotator_id) ?? text(version._session_id)].filter((each) => each !== undefined);
  return found.map((session) => {
    const dataset = datasets.find((each) => each && session.startsWith(`${each}-`));
    return dataset ? session.slice(dataset.length + 1) : session;
  });
}

/** The place of the version that most people gave; the first of equals. */
export function frequent_version(versions: Task[]): number {
  const votes = versions.map((version) => list(version.sessions).length);
  const preset = versions.findIndex((version) => version.default === true);
  const most = Math.max(0, ...votes);
  return votes.filter((each) => each === most).length > 1 && preset >= 0 ? preset : votes.indexOf(most);
}

/** The keys that a version brings into the answer. */
export function version_keys(version: Task): Task {
  const not = ["sessions", "versions", "view_id", "default", "answer"];
  return Object.fromEntries(Object.entries(version).filter(([key]) => !key.startsWith("_") && !not.includes(key)));
}

/** Whether the versions differ in nothing but their decision. */
export function is_binary(versions: Task[]): boolean {
  const contents = versions.map((version) => JSON.stringify(version_keys(version)));
  return versions.length > 1 && new Set(contents).size === 1;
}
