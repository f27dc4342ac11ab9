// Pages of the gateway that go on by themselves: what is live is fetched anew, and a server that starts is waited for.
const PAUSE = 5000; // milliseconds between two looks at what is live
const POLL = 500;
const LOOKS = 10; // after which the page itself says anew how far the start is

const asleep = (time) => new Promise((resolve) => setTimeout(resolve, time));
const get = (address) => fetch(address, { cache: "no-store", credentials: "same-origin" });

/** Replace what has changed, but nothing that somebody is just using. */
async function renew() {
  const reply = await get(location.href);
  if (reply.redirected || reply.status === 401 || reply.status === 403) return location.reload();
  if (!reply.ok) return;
  const found = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = found.getElementById(part.id);
    if (!fresh || part.contains(document.activeElement) || fresh.innerHTML === part.innerHTML) continue;
    const scrolled = [...part.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    part.replaceWith(fresh);
    [...fresh.querySelectorAll(".scroll")].forEach((each, place) => each.scrollTo(...(scrolled[place] ?? [0, 0])));
  }
}

async function go_on() {
  for (;;) {
    await asleep(PAUSE);
    if (document.visibilityState === "visible") await renew().catch(() => undefined);
  }
}

/** Look until the server answers, then straight in. */
async function wait_for(address) {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    await asleep(POLL);
    const reply = await get(address).catch(() => null);
    if (reply && reply.status !== 503) break;
  }
  location.reload();
}

const desk = document.querySelector("[data-poll]");
if (desk) void wait_for(desk.dataset.poll);
else if (document.querySelector("[data-live]")) void go_on();
