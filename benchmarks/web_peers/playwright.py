"""A bare Playwright loop: what one writes in an afternoon, without an environment around it.

By default screenshots are Playwright's PNG. With `--tuned` they come from a DevTools session, and the browser runs
without its limit of 60 frames a second.
"""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.web_peers import protocol

UNLIMITED = ["--disable-frame-rate-limit", "--disable-gpu-vsync"]


class Loop:
    """One browser, one page."""

    def __init__(self, options: Any):
        self.tuned = options.tuned
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(
            executable_path=options.browser, args=UNLIMITED if options.tuned else []
        )
        self.page = self.browser.new_page(viewport={"width": options.width, "height": options.height})
        self.devtools = self.page.context.new_cdp_session(self.page)
        self.image: np.ndarray = np.zeros((0, 0, 3), np.uint8)

    def open(self, task: str) -> None:
        """Load the page of this task."""
        self.page.goto(f"file://{protocol.pages()}/{task}.html")

    def reset(self, seed: int) -> None:
        """Start a new episode on the loaded page."""
        self.page.evaluate(protocol.start_episode(seed))
        self._look()

    def click(self, x: int, y: int) -> bool:
        """Click, look, and ask the page whether it is done."""
        self.page.mouse.click(x, y)
        self._look()
        done, _ = self.page.evaluate(protocol.DONE)
        return bool(done)

    def _look(self) -> None:
        if self.tuned:
            parameters = {"format": "png", "optimizeForSpeed": True}
            data = base64.b64decode(self.devtools.send("Page.captureScreenshot", parameters)["data"])
        else:
            data = self.page.screenshot(type="png")
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert image is not None
        self.image = image

    def close(self) -> None:
        """Close browser and driver."""
        self.browser.close()
        self.playwright.stop()

    def observation(self) -> dict[str, Any]:
        """A picture alone."""
        height, width, _ = self.image.shape
        return {"screenshot": [width, height], "dom": False, "accessibility": False}


def main() -> None:
    parser = protocol.parser()
    parser.add_argument("--tuned", action="store_true", help="DevTools screenshots, no limit of frames")
    options = parser.parse_args()
    name = "Playwright, DevTools screenshots, no frame limit" if options.tuned else "Playwright"
    packages = ("playwright", "miniwob", "opencv-python-headless")
    protocol.report(name, Loop(options), options, packages, "new episode on the loaded page")


if __name__ == "__main__":
    main()
