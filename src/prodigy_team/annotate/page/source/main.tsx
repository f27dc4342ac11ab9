/** Where the page begins: it opens the desk, and draws it anew whenever something changes. */
import { render } from "preact";
import { App, Starting } from "./app";
import { Desk } from "./desk";
import { after_paint } from "./frames";
import { say, speak } from "./words";
import { start_theme } from "./theme";

const root = document.getElementById("page") as HTMLElement;
const live = document.getElementById("live") as HTMLElement;
const name = new URLSearchParams(location.search).get("session");
const since = Date.now();
let opened = false;

let news: string[] = [];
let shown: number | undefined;

/** Say something to screen readers; what comes together is said together. */
function announce(message: string): void {
  if (news.push(message) > 1) return;
  after_paint(() => {
    const said = news.join(" ");
    news = [];
    // The same words twice are news to a screen reader only if something changes.
    live.textContent = live.textContent === said ? `${said}\u00a0` : said;
  });
}

const desk = new Desk(draw, announce, () => announce(say("continues")));

function draw(): void {
  // A task is read from its start, however far down the one before was left. Before the drawing this costs no layout.
  const key = desk.current?.key;
  if (opened && key !== shown) scrollTo(0, 0);
  shown = key;
  render(opened ? <App desk={desk} announce={announce} /> : <Starting desk={desk} since={since} />, root);
  // What the page has on screen, for whoever measures it.
  if (opened) root.dataset.task = desk.current ? String(desk.current.task._task_hash) : "";
}

async function open(): Promise<void> {
  let pause = 250;
  while (!(await desk.open(name))) {
    draw();
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(3000, pause * 1.5);
  }
}

function start(): void {
  const { project } = desk;
  document.title = [project.team || project.dataset, project.named ? project.session : ""].filter(Boolean).join(" · ");
  start_theme(project.theme);
  document.documentElement.classList.toggle("large-text", project.large_text);
  opened = true;
  draw();
}

// Afterwards, so that an answer given by this key says it all.
for (const input of ["keydown", "pointerdown"]) addEventListener(input, () => opened && void after_paint(() => desk.touch()));
addEventListener("pagehide", () => opened && desk.part());
addEventListener("online", () => opened && desk.wake());
addEventListener("pageshow", (event) => opened && event.persisted && desk.wake());
document.addEventListener("visibilitychange", () => {
  if (!opened) return;
  if (document.visibilityState === "visible") desk.wake();
  else desk.part();
});
addEventListener("beforeunload", (event) => {
  // Only where closing would lose something: the browser keeps nothing, and something waits.
  if (opened && !desk.outbox.lasting && desk.outbox.unsent().length) event.preventDefault();
});

void open().then(async () => {
  document.documentElement.lang = await speak(desk.project.ui_lang);
  start();
});
