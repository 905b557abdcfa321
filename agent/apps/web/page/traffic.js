// SPDX-License-Identifier: MIT
// What passes through the agent, as far as the device sends it
import {h, set, t, bytes, word, clock} from './base.js';

const KEEP = 200;

export const appName = (know, p) => (know.apps && know.apps.names[p.pid]) || (p.pid ? 'pid ' + p.pid : '#' + p.peer);
export function traffic(know, listen) {
  let paused = false, shown = 0, out = 0, missed = 0, timer;
  const list = h('ul', {class: 'list', tabindex: 0, 'aria-label': t('Traffic')}), none = h('p', {class: 'soft', text: t('Nothing has passed yet.')});
  const filter = h('input', {id: 'filter', type: 'search', maxlength: 64, placeholder: t('method or text'), 'aria-label': t('Filter'), spellcheck: 'false'});
  const pause = h('button', {class: 'second', type: 'button', id: 'pause', text: t('Pause')}), count = h('p', {class: 'soft', id: 'count', role: 'status', 'aria-live': 'off'});
  const no = h('p', {class: 'err', hidden: true, text: t('The agent does not show its traffic to miio_web. Run it as root or as the agent’s own user.')});

  const query = () => '?traffic=1' + (filter.value ? '&filter=' + encodeURIComponent(filter.value) : '');
  filter.oninput = () => { clearTimeout(timer); timer = setTimeout(() => { clear(); listen(query()); }, 300); };
  pause.onclick = () => { paused = !paused; missed = 0; set(pause, t(paused ? 'Go on' : 'Pause')); pause.setAttribute('aria-pressed', paused); tell(); };
  function clear() { list.replaceChildren(); shown = out = missed = 0; tell(); }
  function tell() {
    none.hidden = shown > 0;
    set(count, [t('{0} shown', shown), out ? t('{0} left out', out) : '', missed ? t('{0} while paused', missed) : ''].filter(Boolean).join(' · '));
  }

  const who = id => {
    if (id === 0) return t('client');
    const p = know.apps && know.apps.peers.find(x => x.peer === id);
    return p ? (id === know.you ? t('this page') : appName(know, p)) : '#' + id;
  };

  function row(e) {
    let value;
    try { value = JSON.parse(e.text); } catch { value = null; }
    const failed = value && value.error, method = e.hidden ? e.text : value && value.method;
    const brief = e.hidden ? t('hidden: it can hold a key') : !value ? e.text || bytes(e.size || 0) : method ? JSON.stringify(value.params ?? []) : JSON.stringify(value.error || value.result || value);
    const path = `${e.by ? e.by : who(e.from)} → ${e.to && e.to.length ? e.to.map(who).join(', ') : t('nobody')}`;
    const full = (value ? JSON.stringify(value, null, 2) : e.text || '') + (e.size ? '\n… ' + t('cut, {0} in all', bytes(e.size)) : '') + (e.reason ? '\n' + e.reason : '');
    return h('li', {}, h('details', {}, h('summary', {}, h('span', {class: 'soft mono', text: clock(e.at)}), h('span', {class: 'kind ' + (failed ? 'fail' : e.kind), text: word(e.kind)}), h('span', {class: 'soft', text: path}), h('span', {class: 'mono', text: (method ? method + ' ' : '') + brief})), h('pre', {text: full})));
  }

  return {
    el: h('div', {}, h('h2', {text: t('Traffic')}), no, h('section', {class: 'card row'}, h('div', {class: 'grow'}, filter), pause, h('button', {class: 'quiet', type: 'button', text: t('Clear'), onclick: clear}), count), none, list),
    query,
    show(what) {
      no.hidden = know.monitor !== false || !know.agent;
      if (what !== 'traffic') return;
      const b = know.batch;
      if (paused) { missed += b.events.length + b.left_out; return tell(); }
      // the newest at the end; who has scrolled up to read stays there
      const end = list.scrollTop + list.clientHeight > list.scrollHeight - 30;
      list.append(...b.events.map(row));
      while (list.childElementCount > KEEP) list.firstChild.remove();
      if (end) list.scrollTop = list.scrollHeight;
      shown += b.events.length;
      out += b.left_out;
      tell();
    },
    leave() { clearTimeout(timer); }
  };
}
