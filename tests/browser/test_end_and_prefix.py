"""The end page and its going on by itself; the page below a prefix; waiting for a server that starts."""

from __future__ import annotations

import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from browser.desk import Desk, stored, tasks_of
from support import eventually


def test_the_end_says_why_and_goes_on_by_itself(start: Any, open_desk: Any) -> None:
    """Two people share three tasks: who has the rest is said, and once they are free they open by themselves."""
    server = start(tasks_of(3), annotators=["joe", "jane"], settings={"batch_size": 2})
    held = server.pull("ds-joe")["tasks"]
    assert len(held) == 2
    jane = open_desk(server, query="?session=jane")
    jane.shows("task 3")
    jane.press("a")
    end = jane.page.locator(".end")
    end.filter(has_text="2 on joe’s screen").wait_for()
    assert "Nothing for you right now." in end.inner_text()
    assert "goes on by itself" in end.inner_text()
    server.kill()
    # Without the ledger nobody knows who holds them: they come to whoever asks first.
    for path in server.folder.rglob("ledger.db*"):
        path.unlink()
    server.start()
    jane.shows("task 1")
    jane.page.locator("#live").filter(has_text="New tasks have come.").wait_for(state="attached")
    jane.press("a", "a")
    end.filter(has_text="All 3 answers are saved.").filter(has_text="All tasks are answered.").wait_for()
    assert end.get_by_role("heading").inner_text() == "No tasks available"
    stored(server, 3)


class _Prefix(BaseHTTPRequestHandler):
    """A proxy that takes requests below /annot/a/joe/ and hands them on without that."""

    target = ""
    outside: ClassVar[list[str]] = []

    def _pass_on(self) -> None:
        prefix = "/annot/a/joe/"
        if not self.path.startswith(prefix):
            self.outside.append(self.path)
            self.send_error(404)
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        kept = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
        request = urllib.request.Request(self.target + self.path[len(prefix) :], body, kept, method=self.command)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as reply:
            content = reply.read()
            self.send_response(reply.status)
            for key, value in reply.headers.items():
                if key.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = _pass_on  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_the_page_works_below_a_prefix(start: Any, browser: Any) -> None:
    server = start([{"html": "<b>one</b>"}, {"html": "<b>two</b>"}], view="html", settings={"ui_lang": "de"})
    handler = type("Handler", (_Prefix,), {"target": f"http://127.0.0.1:{server.port}/", "outside": []})
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        page = browser.new_page()
        desk = Desk(page, f"http://127.0.0.1:{proxy.server_port}/annot/a/joe/?session=ana").open()
        page.wait_for_selector(".html b")
        desk.press("a")
        desk.shows("two")
        stored(server, 1)
        desk.all_sent()
        assert handler.outside == []
        desk.checked()
        page.close()
    finally:
        proxy.shutdown()
        proxy.server_close()


def test_a_page_waits_for_a_server_that_starts(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(2))
    desk = open_desk(server, load=False)
    desk.harmless = ("Failed to load resource",)
    desk.page.route("**/project", lambda route: route.abort())
    desk.page.goto(desk.address)
    desk.page.locator(".card").filter(has_text="Your server is starting").wait_for()
    desk.page.unroute("**/project")
    desk.shows("task 1")


def test_a_first_load_is_small_and_a_second_loads_only_the_page(start: Any, open_desk: Any, browser: Any) -> None:
    server = start(tasks_of(2))
    context = browser.new_context()
    desk = open_desk(server, context=context, load=False)
    asked: list[str] = []
    desk.page.on("requestfinished", lambda each: asked.append(each.url.split("/")[-1].split(".")[0]))
    desk.open()
    # That a request has ended may be heard after what came of it is seen; talking to the page lets it be heard.
    eventually(lambda: desk.page.evaluate("1") and {"app", "project", "get_session_questions"} <= set(asked))
    assert not {"purify", "words"} & set(asked)
    reply = server.client.get("/")
    assert reply.headers["cache-control"] == "no-store"
    context.close()
