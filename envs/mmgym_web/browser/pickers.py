"""Drop-down lists and date or colour pickers without the browser's own popup windows.

A popup is a window of its own, for which a browser whose frames are issued by us draws none: the next picture would
never come. So a select element shows its options in a list of ours, drawn inside the page in a closed shadow tree, and
mouse and keyboard use it as they use the native one; date and colour pickers stay closed, their fields are typed into.
The script runs in an isolated world: the page's own see nothing of it but the usual input and change events.
"""

from __future__ import annotations

__all__ = ["PICKER_SCRIPT"]

PICKER_SCRIPT = """(() => {
  const typed = ['date', 'datetime-local', 'month', 'week', 'time', 'color'];
  let open = null;  // {select, host, items, at}

  const isList = e => e instanceof HTMLSelectElement && !e.multiple && e.size <= 1;
  const selectOf = event => event.composedPath().find(isList) || null;

  const close = () => { if (open) { open.host.remove(); open = null; } };

  const choose = option => {
    const select = open.select;
    close();
    if (select.selectedIndex === option.index) return;
    select.selectedIndex = option.index;
    select.dispatchEvent(new Event('input', {bubbles: true, composed: true}));
    select.dispatchEvent(new Event('change', {bubbles: true}));
  };

  const mark = at => {
    if (open.at >= 0) open.items[open.at].row.style.background = '';
    open.at = at;
    const {row} = open.items[at];
    row.style.background = '#cfe0fc';
    row.scrollIntoView({block: 'nearest'});
  };

  const show = select => {
    close();
    const box = select.getBoundingClientRect(), style = getComputedStyle(select);
    const host = document.createElement('div');
    host.style.cssText = 'position: fixed; z-index: 2147483647';
    const root = host.attachShadow({mode: 'closed'}), list = document.createElement('div');
    const below = innerHeight - box.bottom, above = box.top;
    const wanted = Math.min(select.options.length * 22 + 4, 260);
    const under = below >= wanted || below >= above;
    const height = Math.max(40, Math.min(wanted, under ? below : above));
    list.style.cssText = `position: fixed; box-sizing: border-box; left: ${box.left}px; min-width: ${box.width}px;
      max-width: ${Math.max(60, innerWidth - box.left)}px; max-height: ${height}px; overflow: auto; background: #fff;
      color: #111; border: 1px solid #777; box-shadow: 0 2px 6px #0005; font: ${style.font}; font-weight: 400;
      line-height: 20px; cursor: default; user-select: none; `
      + (under ? `top: ${box.bottom}px` : `bottom: ${innerHeight - box.top}px`);
    root.append(list);
    const items = [];
    let group = null;
    for (const option of select.options) {
      if (option.hidden) continue;
      if (option.parentElement !== group && option.parentElement instanceof HTMLOptGroupElement) {
        group = option.parentElement;
        const head = document.createElement('div');
        head.textContent = group.label;
        head.style.cssText = 'padding: 1px 8px; font-weight: 700; white-space: nowrap';
        list.append(head);
      }
      const row = document.createElement('div'), off = option.disabled || (group && group.disabled);
      row.textContent = option.label || '\\u00a0';
      row.style.cssText = `padding: 1px 8px; white-space: nowrap; color: ${off ? '#999' : '#111'}`;
      if (!off) {
        const at = items.push({option, row}) - 1;
        row.addEventListener('mousemove', () => open && mark(at));
        row.addEventListener('mouseup', () => open && choose(option));
      }
      list.append(row);
    }
    document.documentElement.append(host);
    open = {select, host, items, at: -1};
    const at = items.findIndex(item => item.option.selected);
    if (items.length) mark(Math.max(0, at));
  };

  const stop = event => { event.preventDefault(); event.stopImmediatePropagation(); };

  addEventListener('mousedown', event => {
    if (open && event.composedPath().includes(open.host)) return stop(event);
    const select = selectOf(event);
    if (open) {
      const same = open.select === select;
      close();
      if (same) { event.preventDefault(); return; }
    }
    if (!select || select.disabled || event.button !== 0) return;
    event.preventDefault();
    select.focus();
    show(select);
  }, true);
  addEventListener('keydown', event => {
    const target = event.composedPath()[0];
    if (open) {
      const {items, at} = open, last = items.length - 1;
      const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: last, PageDown: at + 8, PageUp: at - 8}[event.key];
      if (to !== undefined && items.length) { stop(event); mark(Math.max(0, Math.min(last, to))); return; }
      if ((event.key === 'Enter' || event.key === ' ') && at >= 0) { stop(event); choose(items[at].option); return; }
      if (event.key === 'Escape') { stop(event); close(); return; }
      if (event.key === 'Tab') { close(); return; }
      if (event.key.length === 1) {
        const order = [...items.keys()].map(k => (at + 1 + k) % items.length);
        const hit = order.find(k => items[k].option.label.trim().toLowerCase().startsWith(event.key.toLowerCase()));
        stop(event);
        if (hit !== undefined) mark(hit);
      }
      return;
    }
    const opens = event.key === ' ' || event.key === 'Enter' || event.key === 'F4'
      || (event.altKey && (event.key === 'ArrowDown' || event.key === 'ArrowUp'));
    if (isList(target) && opens && !target.disabled) { event.preventDefault(); show(target); }
    else if (target instanceof HTMLInputElement && typed.includes(target.type) && opens && event.key !== 'Enter')
      event.preventDefault();
  }, true);

  addEventListener('click', event => {
    const target = event.composedPath()[0];
    if (target instanceof HTMLInputElement && typed.includes(target.type)) event.preventDefault();
  }, true);
  addEventListener('scroll', event => { if (open && !event.composedPath().includes(open.host)) close(); }, true);
  addEventListener('resize', close);
})();"""
