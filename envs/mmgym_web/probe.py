"""The script that reads a page's state: its address, its title, and a digest of all that can differ.

The digest has 128 bits and covers DOM, form values, focus, selection, scroll positions and storage, in shadow trees and
frames as well.
"""

__all__ = ["PROBE", "PROBE_SCRIPT"]

PROBE = "probe()"
"""The expression whose value is the state, where `PROBE_SCRIPT` has run: address, title, digest."""

PROBE_SCRIPT = """globalThis.probe = (() => {
  const encoder = new TextEncoder();
  let words = new Uint32Array(1 << 14);
  const hex = n => (n >>> 0).toString(16).padStart(8, '0');
  const digest = text => {
    const size = (text.length * 3 >> 2) + 2;
    if (words.length < size) words = new Uint32Array(2 * size);
    const bytes = new Uint8Array(words.buffer);
    const {written} = encoder.encodeInto(text, bytes);
    bytes.fill(0, written, written + 4);
    let a = 0xdeadbeef, b = 0x41c6ce57, c = 0x12345678, d = 0x9e3779b9;
    for (let i = 0; i < (written >> 2) + 1; i++) {
      const k = words[i];
      a = Math.imul(a ^ k, 2654435761); b = Math.imul(b ^ k, 1597334677);
      c = Math.imul(c ^ k, 2246822507); d = Math.imul(d ^ k, 3266489909);
      a ^= a >>> 15; b ^= b >>> 13; c ^= c >>> 16; d ^= d >>> 14;
    }
    return hex(a ^ written) + hex(b) + hex(c ^ written) + hex(d);
  };
  const read = (root, depth, parts) => {
    parts.push((root.documentElement ? root.documentElement.outerHTML : root.innerHTML) || '');
    const all = root.querySelectorAll('*');
    for (let i = 0; i < all.length; i++) {
      const e = all[i];
      if (e === root.activeElement)
        parts.push('focus' + i + ':' + (e.selectionStart ?? '') + '-' + (e.selectionEnd ?? ''));
      const tag = e.tagName;
      if (tag === 'INPUT') parts.push(i + (e.checked ? '+' : '-') + (e.type === 'file'
        ? [...e.files].map(f => f.name + f.size).join() : e.value));
      else if (tag === 'TEXTAREA') parts.push(i + e.value);
      else if (tag === 'SELECT') parts.push(i + [...e.options].map(o => o.selected ? 1 : 0).join(''));
      const top = e.scrollTop, left = e.scrollLeft;
      if (top || left) parts.push(i + '@' + Math.round(top) + ',' + Math.round(left));
      // A form's field of that name hides the property.
      if (e.shadowRoot && e.shadowRoot.nodeType === 11) read(e.shadowRoot, depth, parts);
      if (tag === 'IFRAME' && depth < 3) {
        try { if (e.contentDocument) read(e.contentDocument, depth + 1, parts); } catch {}
      }
    }
    return parts;
  };
  return () => {
    const parts = read(document, 0, []);
    for (const name of ['localStorage', 'sessionStorage']) {
      try { parts.push(name + JSON.stringify(Object.entries(window[name]).sort())); } catch {}
    }
    return [location.href, document.title, digest(parts.join('\\0\\0\\0'))];
  };
})()"""
