/** The sidebar: what this is, how far it is, what was answered. */
import { Component } from "preact";
import { useState } from "preact/hooks";
import type { Desk } from "./desk";
import type { Past } from "./history";
import { headline, show, text } from "./task";
import { say, type Word } from "./words";

export function Sidebar({ desk, onCorrect }: { desk: Desk; onCorrect(): void }) {
  const { project } = desk;
  const facts: Record<string, string> = {
    dataset: project.dataset, session: project.session, lang: project.lang, recipe_name: project.recipe, view_id: project.view, label: project.label,
  };
  const shown = project.project_info.filter((key) => Object.hasOwn(facts, key) && facts[key]);
  return (
    <>
      <ProgressBlock desk={desk} now={Date.now()} />
      {shown.length > 0 && (
        <dl class="facts">
          {shown.map((key) => <div key={key}><dt>{say(key as Word)}</dt><dd>{facts[key]}</dd></div>)}
        </dl>
      )}
      {project.show_stats && (
        <section class="stats" aria-label={say("stats")}>
          <h2>{say("stats")}</h2>
          <dl class="facts">
            {(["accept", "reject", "ignore"] as const).map((each) => <div key={each}><dt>{say(each)}</dt><dd data-count={each}>{desk.counts[each]}</dd></div>)}
          </dl>
        </section>
      )}
      <HistoryList desk={desk} onCorrect={onCorrect} />
    </>
  );
}

function ProgressBlock({ desk, now }: { desk: Desk; now: number }) {
  const { answered, share } = desk.progress;
  const { total } = desk;
  const given = desk.counts.accept + desk.counts.reject + desk.counts.ignore;
  const hours = (now - desk.started) / 3_600_000;
  const pace = given >= 5 && hours > 0 ? given / hours : 0;
  const left = total - answered;
  return (
    <section class="progress" aria-label={say("total")}>
      <p class="progress-line">{total ? say("progress", { n: answered, total }) : say("answered", { n: answered })}</p>
      {share !== null ? <progress max={1} value={Math.min(1, share)} aria-label={say("total")} /> : <span aria-hidden="true">∞</span>}
      <TeamLines desk={desk} />
      {pace > 0 && left > 0 && total > 0 && <p class="pace">{say("pace", { n: Math.round(pace) })} · {say("left", { time: duration(left / pace) })}</p>}
    </section>
  );
}

/** What the team has together, where there is one; what is one's own, where several people share the tasks. */
function TeamLines({ desk }: { desk: Desk }) {
  const { own } = desk;
  const { answered, target } = desk.together;
  return (
    <>
      {own !== null && own < desk.progress.answered && <p class="mine">{say("mine", { n: own })}</p>}
      {answered !== null && <p class="team">{target === null ? say("teamAnswered", { n: answered }) : say("team", { n: answered, total: target })}</p>}
    </>
  );
}

function duration(hours: number): string {
  return hours < 1.5 ? say("minutes", { n: Math.max(1, Math.round(hours * 60)) }) : say("hours", { n: Math.round(hours) });
}

function HistoryList({ desk, onCorrect }: { desk: Desk; onCorrect(): void }) {
  const [all, set_all] = useState(false);
  const [wanted, set_wanted] = useState("");
  const { pasts, more, found, may_find_more } = desk.history;
  const needle = wanted.trim().toLocaleLowerCase();
  const here = needle ? pasts.filter((past) => headline(past.answer).toLocaleLowerCase().includes(needle)) : pasts;
  const known = new Set(here.map((past) => past.id));
  const fits = needle ? [...here, ...(found ?? []).filter((past) => past.id === null || !known.has(past.id))] : pasts;
  const shown = all ? fits : fits.slice(0, desk.project.history_size);
  const look = (text: string) => {
    set_wanted(text);
    void desk.search_history(text);
  };
  const choose = (past: Past) => {
    desk.correct(past);
    onCorrect();
  };
  const open_all = () => {
    set_all(true);
    void desk.more_history();
  };
  return (
    <section class="history" aria-labelledby="history-title">
      <h2 id="history-title">{all ? say("all") : say("latest")}</h2>
      {all && <input type="search" class="filter" aria-label={say("search")} placeholder={say("search")} value={wanted} onInput={(event) => look(event.currentTarget.value)} />}
      {!shown.length && <p class="faint">{needle ? say("noOption", { text: wanted }) : say("noneYet")}</p>}
      <ol>
        {shown.map((past) => <HistoryRow key={past.id ?? JSON.stringify(past.answer)} past={past} onChoose={() => choose(past)} />)}
      </ol>
      {!all && <button type="button" onClick={open_all}>{say("all")}</button>}
      {all && needle !== "" && may_find_more && <button type="button" onClick={() => void desk.more_found()}>{say("more")}</button>}
      {all && !needle && more && <button type="button" onClick={() => void desk.more_history()}>{say("more")}</button>}
    </section>
  );
}

const SIGNS: Record<string, string> = { accept: "✓", reject: "✗", ignore: "∅" };

/** An answer never changes, so its row is drawn once. */
class HistoryRow extends Component<{ past: Past; onChoose(): void }> {
  override shouldComponentUpdate({ past }: { past: Past }): boolean {
    return past !== this.props.past;
  }

  override render() {
    const { past, onChoose } = this.props;
    const answer = text(past.answer.answer) ?? "";
    return (
      <li>
        <button type="button" class={`past ${answer}`} onClick={onChoose}>
          <span aria-label={answer in SIGNS ? say(answer as Word) : answer} role="img">{SIGNS[answer] ?? "?"}</span>
          <span dir="auto" class="past-text">{headline(past.answer) || show(past.answer._task_hash)}</span>
          {past.answer.flagged === true && <span aria-label={say("flagged")} role="img">⚑</span>}
        </button>
      </li>
    );
  }
}
