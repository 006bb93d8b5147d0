"""What a page tells by itself: loads, dialogs, windows, files, crashes; kept until somebody asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from mmgym_web.browser.cdp import BrowserFailure, Session
from mmgym_web.browser.config import Dialog, PageConfig
from mmgym_web.browser.network import NetworkGuard, Refusal, is_allowed
from mmgym_web.browser.scripts import episode_script

__all__ = ["PageEvents"]

DIALOG_LIMIT = 20
COMMIT_LIMIT = 20


class PageEvents:
    """The state of a page as its events tell it.

    Args:
        session: the page's session.
        config: the episode's.
        opener: the page beside which this one is a tab: they share what they record.
    """

    def __init__(self, session: Session, config: PageConfig, opener: PageEvents | None = None) -> None:
        self.session = session
        self.config = config
        self.failure: BrowserFailure | None = None
        self.crash_reason = ("crash", "the page's process died")
        self.url = "about:blank"
        self.frame_id = ""
        self.dialogs: list[Dialog] = []
        self.refused: list[Refusal] = opener.refused if opener else []
        self.server_errors: list[tuple[str, Exception]] = opener.server_errors if opener else []
        self.wanted_tabs: list[str] = []
        self.chooser: dict[str, Any] | None = None
        self.uploads: dict[str, Path] = opener.uploads if opener else {}
        self.guard = NetworkGuard(
            config.server, config.allow_hosts, self.uploads, self.refused.append, self._server_failed, self.fail
        )
        self._budget: asyncio.Future[None] | None = None
        self._loading = False
        self._commits = 0
        self._commit_limit = COMMIT_LIMIT
        self._committed: asyncio.Future[None] | None = None
        self._world: int | None = None
        self._dialog_count = 0
        self._new_tab: str | None = None
        self._last_good = "about:blank"
        self._children: dict[str, Session] = {}
        self._pending: dict[str, str] = {}
        self._aborted: set[str] = set()
        self._requested: set[str] = set()  # frames that are about to load what takes the place of another load
        self.drag: dict[str, Any] | None = None

    def fail(self, kind: str, message: str) -> None:
        """Give the page up: what waits on it ends with a `BrowserFailure`."""
        if self.failure is None:
            self.failure = BrowserFailure(kind, message)
        for future in (self._budget, self._committed):
            if future is not None and not future.done():
                future.set_exception(self.failure)
                future.exception()
        self.session.connection.drop(self.session.identifier)

    def _server_failed(self, url: str, error: Exception) -> None:
        self.server_errors.append((url, error))

    def _event(self, message: dict[str, Any]) -> None:
        handler = _EVENTS.get(message["method"])
        if handler is not None:
            handler(self, message["params"])

    def _request_paused(self, params: dict[str, Any]) -> None:
        self.guard.paused(self.session, params, params["frameId"] == self.frame_id)

    def _budget_expired(self, params: dict[str, Any]) -> None:
        if self._budget is not None and not self._budget.done():
            self._budget.set_result(None)

    def _started_loading(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self._loading = True

    def _stopped_loading(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self._loading = False
        if self._pending.get(params["frameId"]) in self._aborted:
            # The engine holds virtual time for a load that ends without a document, until loading is stopped.
            self._aborted.discard(self._pending.pop(params["frameId"]))
            if params["frameId"] not in self._requested:
                self.session.post("Page.stopLoading")
            self._requested.discard(params["frameId"])

    def _started_navigating(self, params: dict[str, Any]) -> None:
        self._requested.discard(params["frameId"])
        if params["navigationType"] != "sameDocument":
            self._pending[params["frameId"]] = params["loaderId"]

    def _requested_navigation(self, params: dict[str, Any]) -> None:
        url, where = params["url"], params["disposition"]
        if where == "download":
            self.refused.append(Refusal(url, "Download", "downloads are not kept"))
        elif where in ("newTab", "newWindow"):  # a click with Control, or with the middle button
            self._window_opened(params)
        elif where == "currentTab" and not url.startswith(("http://", "https://", "about:", "javascript:", "blob:")):
            self.refused.append(Refusal(url, "Navigation", f"{url.partition(':')[0]}: addresses are not opened"))
        elif where == "currentTab" and not url.startswith("javascript:"):
            self._requested.add(params["frameId"])
            # A form is sent some tasks after it was submitted, by which time a budget may have been spent.
            self._loading |= params["frameId"] == self.frame_id

    def _logged(self, params: dict[str, Any]) -> None:
        text = params["entry"]["text"]
        if text.startswith("Not allowed to"):
            self.refused.append(Refusal(text.rpartition(": ")[2], "Navigation", text))

    def _loading_failed(self, params: dict[str, Any]) -> None:
        if params["type"] == "Document":
            self._aborted.add(params["requestId"])

    def _navigated(self, params: dict[str, Any]) -> None:
        frame = params["frame"]
        self._pending.pop(frame["id"], None)
        if "parentId" in frame:
            return
        self._aborted.clear()
        self.frame_id = frame["id"]
        self.url = frame["url"] + frame.get("urlFragment", "")
        self._world = None
        self.chooser = None
        self._commits += 1
        if self._committed is not None and not self._committed.done():
            self._committed.set_result(None)
        if self._commits >= self._commit_limit:
            self._budget_expired({})
        if self.url.startswith(("http://", "https://", "about:blank")):
            self._last_good = self.url
        else:
            self.refused.append(Refusal(self.url[:200], "Navigation", "only http:// and https:// pages are shown"))
            self._new_tab = self._last_good

    def _moved_within(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self.url = params["url"]

    def _dialog(self, params: dict[str, Any]) -> None:
        accepted = params["type"] != "prompt"
        self.dialogs.append(Dialog(params["type"], params["message"], accepted))
        self._dialog_count += 1
        if self._dialog_count > DIALOG_LIMIT:
            self.fail("storm", f"more than {DIALOG_LIMIT} dialogs in one step")
            return
        self.session.post("Page.handleJavaScriptDialog", accept=accepted)

    def _window_opened(self, params: dict[str, Any]) -> None:
        if self.config.on_new_tab == "tab":
            self.wanted_tabs.append(params["url"] or "about:blank")
        elif self.config.on_new_tab == "same" and params["url"]:
            self._new_tab = params["url"]
        else:
            self.refused.append(Refusal(params["url"], "Popup", "new tabs and windows are not opened"))

    def _socket_created(self, params: dict[str, Any]) -> None:
        if not is_allowed(params["url"], self.guard.allow_hosts):
            scheme = params["url"].partition("://")[0]
            kind = "WebSocket" if scheme.startswith("ws") else "WebTransport"
            self.refused.append(Refusal(params["url"], kind, "connections that stay open are not made"))

    def _chooser_opened(self, params: dict[str, Any]) -> None:
        # Without a field (`showOpenFilePicker`) there is nothing to put a file into.
        self.chooser = params if "backendNodeId" in params else None

    def _crashed(self, params: dict[str, Any]) -> None:
        self.fail(*self.crash_reason)

    def _drag_intercepted(self, params: dict[str, Any]) -> None:
        self.drag = params["data"]

    def _attached(self, params: dict[str, Any]) -> None:
        session = Session(self.session.connection, params["sessionId"])
        if params["targetInfo"]["type"] == "page":
            return  # a new window: the browser closes it
        self._children[session.identifier] = session

        def event(message: dict[str, Any]) -> None:
            if message["method"] == "Fetch.requestPaused":
                self.guard.paused(session, message["params"], main_frame=False)
            elif message["method"] in ("Network.webSocketCreated", "Network.webTransportCreated"):
                self._socket_created(message["params"])

        session.connection.listen(session.identifier, event)
        session.post("Network.enable")
        session.post("Fetch.enable", patterns=[{"urlPattern": "*"}])
        session.post("Runtime.evaluate", expression=episode_script(self.config.seed))
        session.post("Runtime.runIfWaitingForDebugger")

    def _detached(self, params: dict[str, Any]) -> None:
        if self._children.pop(params["sessionId"], None) is not None:
            self.session.connection.drop(params["sessionId"])


_EVENTS = {
    "Fetch.requestPaused": PageEvents._request_paused,
    "Emulation.virtualTimeBudgetExpired": PageEvents._budget_expired,
    "Page.frameStartedLoading": PageEvents._started_loading,
    "Page.frameStartedNavigating": PageEvents._started_navigating,
    "Page.frameRequestedNavigation": PageEvents._requested_navigation,
    "Log.entryAdded": PageEvents._logged,
    "Network.loadingFailed": PageEvents._loading_failed,
    "Page.frameStoppedLoading": PageEvents._stopped_loading,
    "Page.frameNavigated": PageEvents._navigated,
    "Page.navigatedWithinDocument": PageEvents._moved_within,
    "Page.javascriptDialogOpening": PageEvents._dialog,
    "Page.windowOpen": PageEvents._window_opened,
    "Page.fileChooserOpened": PageEvents._chooser_opened,
    "Network.webSocketCreated": PageEvents._socket_created,
    "Network.webTransportCreated": PageEvents._socket_created,
    "Input.dragIntercepted": PageEvents._drag_intercepted,
    "Inspector.targetCrashed": PageEvents._crashed,
    "Target.attachedToTarget": PageEvents._attached,
    "Target.detachedFromTarget": PageEvents._detached,
}
