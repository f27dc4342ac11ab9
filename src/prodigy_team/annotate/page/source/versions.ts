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

/** The place of the version that most people gave, of those that can be accepted if any can; the first of equals. */
export function frequent_version(versions: Task[]): number {
  const refused = versions.map(({ answer }) => answer === "reject" || answer === "ignore");
  const votes = versions.map((version, at) => (refused[at] && refused.includes(false) ? -1 : list(version.sessions).length));
  const preset = versions.findIndex((version) => version.default === true);
  const most = Math.max(0, ...votes);
  return votes.filter((each) => each === most).length > 1 && preset >= 0 ? preset : votes.indexOf(most);
}

/** The keys that a version brings into the answer; undefined are those that only others have. */
export function version_keys(versions: Task[], place: number): Task {
  const not = ["sessions", "versions", "view_id", "default", "answer"];
  const keys = versions.flatMap((version) => Object.keys(version)).filter((key) => !key.startsWith("_") && !not.includes(key));
  return Object.fromEntries(keys.map((key) => [key, versions[place]?.[key]]));
}

/** Whether the versions differ in nothing but their decision. */
export function is_binary(versions: Task[]): boolean {
  const contents = versions.map((_, place) => JSON.stringify(version_keys(versions, place)));
  return versions.length > 1 && new Set(contents).size === 1;
}

/**
 * The place of the version that an answer under review is as it stands; -1 where somebody changed it. Of those that
 * differ in the decision alone it is the one that was taken before, else the most frequent.
 */
export function standing_version(task: Task, taken: unknown): number {
  const versions = versions_of(task);
  const alike = versions.flatMap((_, place) => (has_all(task, version_keys(versions, place)) ? [place] : []));
  const frequent = frequent_version(versions);
  return alike.find((place) => versions[place]?.answer === taken) ?? (alike.includes(frequent) ? frequent : alike[0] ?? -1);
}

function has_all(task: Task, keys: Task): boolean {
  return Object.entries(keys).every(([key, value]) => task[key] === value || JSON.stringify(task[key]) === JSON.stringify(value));
}
