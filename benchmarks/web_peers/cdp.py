"""A bare loop over the DevTools pipe that issues its own frames: the floor of what a step in Chromium costs.

It knows nothing of episodes, tabs, failures, other sites or time; it writes commands, and waits for their answers. The
picture is decoded to an array, since that is what an agent needs.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
from typing import Any

import cv2
import numpy as np

from benchmarks.web_peers import protocol

FLAGS = """
    --headless --disable-dev-shm-usage --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --allow-file-access-from-files --remote-debugging-pipe
    --enable-begin-frame-control --run-all-compositor-stages-before-draw --disable-new-content-rendering-timeout
    --disable-threaded-animation --disable-threaded-scrolling --disable-checker-imaging
    --disable-image-animation-resync --disable-smooth-scrolling --hide-scrollbars
""".split()
FRAME = ("HeadlessExperimental.beginFrame", {"screenshot": {"format": "png", "optimizeForSpeed": True}})


class Pipe:
    """A browser and the two pipes to it, on which messages end with a zero byte."""

    def __init__(self, browser: str):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
        their_input, self.write_end = os.pipe()
        self.read_end, their_output = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={self.folder.name}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        # The shell puts our pipes where the browser expects them: it reads commands from 3 and answers on 4.
        redirect = f'exec "$0" "$@" 3<&{their_input} 4>&{their_output}'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", redirect, browser, *flags],
            pass_fds=(their_input, their_output),
            stderr=subprocess.DEVNULL,
        )
        os.close(their_input)
        os.close(their_output)
        self.buffer = bytearray()
        self.number = 0

    def send(self, *commands: tuple[str, dict[str, Any]], session: str | None = None) -> list[dict[str, Any]]:
        """Send commands in one go and return their answers, in order."""
        first = self.number + 1
        message = b""
        for method, parameters in commands:
            self.number += 1
            command = {"id": self.number, "method": method, "params": parameters}
            message += json.dumps(command | ({"sessionId": session} if session else {})).encode() + b"\0"
        os.write(self.write_end, message)
        answers: dict[int, dict[str, Any]] = {}
        while len(answers) < len(commands):
            answer = self._read()
            if "error" in answer:
                raise RuntimeError(f"the browser refused a command: {answer['error']}")
            if answer.get("id", 0) >= first:
                answers[answer["id"]] = answer["result"]
        return [answers[number] for number in sorted(answers)]

    def _read(self) -> dict[str, Any]:
        end = self.buffer.find(0)
        while end < 0:
            searched = len(self.buffer)
            data = os.read(self.read_end, 1 << 20)
            if not data:
                raise RuntimeError("the browser has closed the pipe")
            self.buffer += data
            end = self.buffer.find(0, searched)
        answer = json.loads(self.buffer[:end])
        del self.buffer[: end + 1]
        return answer

    def close(self) -> None:
        """End the browser."""
        self.process.kill()
        self.process.wait()
        os.close(self.write_end)
        os.close(self.read_end)
        self.folder.cleanup()


class Loop:
    """One page, whose frames are issued by us."""

    def __init__(self, options: Any):
        self.pipe = Pipe(options.browser)
        size = {"width": options.width, "height": options.height}
        target = {"url": "about:blank", "enableBeginFrameControl": True, **size}
        (created,) = self.pipe.send(("Target.createTarget", target))
        attach = {"targetId": created["targetId"], "flatten": True}
        (attached,) = self.pipe.send(("Target.attachToTarget", attach))
        self.session: str = attached["sessionId"]
        metrics = {**size, "deviceScaleFactor": 1, "mobile": False}
        self._send(("Emulation.setDeviceMetricsOverride", metrics))
        self.image: np.ndarray = np.zeros((0, 0, 3), np.uint8)

    def _send(self, *commands: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return self.pipe.send(*commands, session=self.session)

    def open(self, task: str) -> None:
        """Load the page of this task."""
        self._send(("Page.navigate", {"url": f"file://{protocol.pages()}/{task}.html"}))
        loaded = {"expression": "document.readyState", "returnByValue": True}
        while self._send(("Runtime.evaluate", loaded))[0]["result"]["value"] != "complete":
            self._send(("HeadlessExperimental.beginFrame", {}))

    def reset(self, seed: int) -> None:
        """Start a new episode on the loaded page."""
        start = {"expression": protocol.start_episode(seed), "returnByValue": True}
        _, frame = self._send(("Runtime.evaluate", start), FRAME)
        self._look(frame)

    def click(self, x: int, y: int) -> bool:
        """Click, wait until the page has it, look, and ask the page whether it is done."""
        at = {"x": x, "y": y}
        button = {"button": "left", "clickCount": 1}
        events = ({"type": "mouseMoved"}, {"type": "mousePressed", **button}, {"type": "mouseReleased", **button})
        self._send(*(("Input.dispatchMouseEvent", {**at, **event}) for event in events))
        frame, state = self._send(FRAME, ("Runtime.evaluate", {"expression": protocol.DONE, "returnByValue": True}))
        self._look(frame)
        return bool(state["result"]["value"][0])

    def _look(self, frame: dict[str, Any]) -> None:
        # A frame in which nothing has changed comes without a picture: the last one stands.
        if "screenshotData" in frame:
            data = np.frombuffer(base64.b64decode(frame["screenshotData"]), np.uint8)
            image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
            assert image is not None
            self.image = image

    def close(self) -> None:
        """End the browser."""
        self.pipe.close()

    def observation(self) -> dict[str, Any]:
        """A picture alone."""
        height, width, _ = self.image.shape
        return {"screenshot": [width, height], "dom": False, "accessibility": False}


def main() -> None:
    options = protocol.parser().parse_args()
    packages = ("miniwob", "opencv-python-headless")
    protocol.report(
        "bare DevTools pipe, own frames", Loop(options), options, packages, "new episode on the loaded page"
    )


if __name__ == "__main__":
    main()
