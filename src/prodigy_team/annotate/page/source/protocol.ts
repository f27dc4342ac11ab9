/** Requests to the server. Every address is relative to the page, so that any prefix in front of it works. */
import { is_object, parse } from "./task";

/** A reply; status 0 where there was none. `content` is empty where the body is no JSON object (a proxy's page). */
export interface Reply {
  status: number;
  content: Record<string, unknown>;
  /** Milliseconds after which it says to ask again; 0 where it does not. */
  again: number;
}

/** Why a request came to nothing. `login`: whoever was logged in is no more; `asleep`: the server is on its way up. */
export type Problem = { kind: "offline" | "asleep" | "login" | "failing" | "forbidden"; why: string } | null;

const PATIENCE = 20_000; // milliseconds until a request counts as lost
const KEEPALIVE_MOST = 60_000; // browsers let 64 KB of a closed page's requests go on

/** Send a request; never throws. A small one goes on even if the page is closed meanwhile. */
export async function request(path: string, body?: string): Promise<Reply> {
  try {
    const response = await fetch(path, {
      method: body === undefined ? "GET" : "POST",
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body,
      cache: "no-store",
      credentials: "same-origin",
      keepalive: body !== undefined && body.length * 3 < KEEPALIVE_MOST,
      signal: typeof AbortSignal.timeout === "function" ? AbortSignal.timeout(PATIENCE) : undefined,
    });
    const content = read(await response.text());
    // A page in place of a reply is a login's, wherever it comes from: nothing was stored by whoever sent it.
    const status = response.ok && !content ? 401 : response.status;
    return { status, content: content ?? {}, again: (Number(response.headers.get("Retry-After")) || 0) * 1000 };
  } catch {
    return { status: 0, content: {}, again: 0 };
  }
}

/** Hand a body to the browser for sending while the page closes; nobody reads the reply. */
export function send_at_parting(path: string, body: string): void {
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body, keepalive: true, credentials: "same-origin" }).catch(() => undefined);
}

/** How many bytes a text is in UTF-8. */
export function bytes_of(text: string): number {
  return new Blob([text]).size;
}

export const PARTING_MOST = KEEPALIVE_MOST;

function read(text: string): Record<string, unknown> | null {
  try {
    const found = parse(text);
    return is_object(found) ? found : null;
  } catch {
    return null;
  }
}

/** What a reply that is no success comes to. */
export function problem_of(reply: Reply): Problem {
  const { status, again } = reply;
  const kind =
    status === 401 ? "login"
    : status === 403 ? "forbidden"
    : status === 503 && again ? "asleep"
    : status === 0 || (status > 501 && status < 505) ? "offline"
    : "failing";
  return { kind, why: status ? why(reply) : "" };
}

/** What a reply says went wrong. */
export function why(reply: Reply): string {
  return typeof reply.content.detail === "string" ? reply.content.detail : `HTTP ${reply.status}`;
}
