"""The script that runs before any of a page's own: chance and clocks come from the episode, not from the machine.

It is plain JavaScript in every frame's main world. A page can overwrite what it defines, and harms only its own
reproducibility by that: nothing in here is trusted by the environment.
"""

from __future__ import annotations

__all__ = ["episode_script"]

_RANDOM = """
  const mix = (Date.now() % 4294967296) ^ SEED;
  let state = mix >>> 0;
  const draw = () => {  // mulberry32
    state = (state + 0x6D2B79F5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  set(Math, 'random', function random() { return (draw() * 2097152 + (draw() >>> 11)) / 9007199254740992; });
  if (typeof Crypto !== 'undefined') {
    set(Crypto.prototype, 'getRandomValues', function getRandomValues(array) {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      for (let i = 0; i < bytes.length; i++) bytes[i] = draw() & 255;
      return array;
    });
    set(Crypto.prototype, 'randomUUID', function randomUUID() {
      const hex = Array.from({length: 32}, () => (draw() & 15).toString(16));
      hex[12] = '4';
      hex[16] = '89ab'[draw() & 3];
      const text = hex.join('');
      return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join('-');
    });
  }
"""

# The engine's clocks are virtual already, but carry the machine's uptime in their last digits. Each reading within one
# millisecond is a little later than the one before, so that a loop that waits for time to pass ends.
_CLOCK = """
  const origin = Date.now();
  const date = Date.now;
  let last = origin, ticks = 0;
  const now = () => {
    const at = date();
    if (at > last) { last = at; ticks = 0; }
    return last - origin + 0.005 * ticks++;
  };
  set(Performance.prototype, 'now', function now_() { return now(); });
  Object.defineProperty(Performance.prototype.now, 'name', {value: 'now'});
  Object.defineProperty(Performance.prototype, 'timeOrigin', {get() { return origin; }, configurable: true});
  if (typeof Event !== 'undefined')
    Object.defineProperty(Event.prototype, 'timeStamp', {get() { return date() - origin; }, configurable: true});
  if (typeof requestAnimationFrame !== 'undefined') {
    const request = window.requestAnimationFrame.bind(window);
    set(window, 'requestAnimationFrame', function requestAnimationFrame(callback) {
      return request(() => callback(date() - origin));
    });
  }
"""

# Ways to the network that requests cannot be answered on, and services that outlive a page.
_CLOSED = """
  if (typeof Navigator !== 'undefined') delete Navigator.prototype.serviceWorker;
  for (const name of ['RTCPeerConnection', 'webkitRTCPeerConnection', 'RTCDataChannel', 'WebTransport', 'SharedWorker'])
    delete globalThis[name];
  if (typeof window !== 'undefined') {
    // The picture's size is the episode's, not the page's to change.
    for (const name of ['print', 'moveBy', 'moveTo', 'resizeBy', 'resizeTo']) set(window, name, () => {});
    const refuse = () => Promise.reject(new TypeError('fullscreen is not granted'));
    for (const name of ['requestFullscreen', 'webkitRequestFullscreen', 'webkitRequestFullScreen'])
      set(Element.prototype, name, refuse);
    for (const name of ['webkitEnterFullscreen', 'webkitEnterFullScreen'])
      set(HTMLVideoElement.prototype, name, () => {});
  }
"""


def episode_script(seed: int) -> str:
    """The script for one episode.

    Args:
        seed: any integer; `Math.random` and `crypto` draw from it and from the virtual time at which a document began.
    """
    random = _RANDOM.replace("SEED", str(seed & 0xFFFFFFFF))
    return (
        "(() => {\n  const set = (object, name, value) => Object.defineProperty("
        f"object, name, {{value, writable: true, configurable: true}});\n{random}{_CLOCK}{_CLOSED}}})();"
    )
