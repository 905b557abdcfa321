// SPDX-License-Identifier: MIT
// The device's properties: what they are, switches and sliders to change them, curves of the last hour.
import {h, set, each, t, api, command, notice, card, number} from './base.js';

export function control(know) {
  const groups = h('div', {class: 'grid top'}), curves = h('div', {class: 'grid'}), none = h('p', {class: 'soft'}), noCurve = h('p', {class: 'soft'});
  let model, byId = {};

  // ---- one property ----
  const label = p => p.text || p.path || p.name;
  const shownValue = (p, v) => {
    if (v === undefined) return '–';
    const c = p.choices && p.choices.find(x => x[0] === v);
    const s = c ? c[1] || v : typeof v === 'number' ? number(v) : typeof v === 'string' ? v : JSON.stringify(v);
    return p.unit && !c ? s + ' ' + unit(p.unit) : s;
  };
  const unit = u => ({percentage: '%', celsius: '°C', kelvin: 'K', lux: 'lx', seconds: 's', minutes: 'min', none: ''})[u] ?? u;

  async function change(p, value) {
    const v = know.values, old = v[p.id];
    v[p.id] = value;
    self.show('values');
    try {
      if (p.siid) {
        const r = await command('set_properties', [{did: p.path, siid: p.siid, piid: p.iid, value}]), code = r && r[0] && r[0].code;
        if (code < 0) throw new Error(code);
      } else {
        await command('set_' + p.name, [value]);
      }
      return true;
    } catch (e) {
      if (v[p.id] === value) v[p.id] = old;
      notice(`${label(p)} ${t('could not be set: {0}', e.message)}`);
      return false;
    } finally {
      self.show('values');
    }
  }

  // Each gives {el, show(value)}; what a hand is on is not moved.
  const controls = {
    toggle(p, on, off, id) {
      const b = h('button', {type: 'button', role: 'switch', 'aria-checked': false, 'aria-labelledby': id, onclick() { change(p, b.getAttribute('aria-checked') !== 'true' ? on : off); }});
      return {el: b, show: v => b.setAttribute('aria-checked', v === on)};
    },
    slider(p, id) {
      const [min, max, step] = p.range, out = h('output'), r = h('input', {type: 'range', min, max, step, 'aria-labelledby': id});
      let held = false;
      r.oninput = () => { held = true; set(out, shownValue(p, Number(r.value))); };
      r.onchange = async () => { await change(p, Number(r.value)); held = false; };
      return {el: [r, out], slide: true, show(v) { if (held) return; const s = shownValue(p, v); set(out, s); if (v !== undefined) { r.value = v; r.setAttribute('aria-valuetext', s); } }};
    },
    list(p, id) {
      const s = h('select', {'aria-labelledby': id}, ...p.choices.map(c => h('option', {value: c[0], text: c[1] || c[0]})));
      const back = () => { s.value = know.values[p.id] ?? ''; };
      s.onchange = async () => { if (!await change(p, Number(s.value))) back(); };
      s.onblur = back;
      return {el: s, show() { if (document.activeElement !== s) back(); }};
    },
    field(p, kind, id) {
      const i = h('input', {type: kind, step: 'any', 'aria-labelledby': id}), b = h('button', {class: 'second', type: 'button', text: t('Set'), async onclick() { typed = !await change(p, kind === 'number' ? Number(i.value) : i.value); }});
      let typed;
      i.oninput = () => { typed = true; };
      i.onkeydown = e => { if (e.key === 'Enter') b.click(); };
      return {el: [i, b], show(v) { if (!typed && document.activeElement !== i && v !== undefined) i.value = v; }};
    },
    plain(p) {
      const el = h('span', {class: 'val'});
      return {el, show: v => set(el, shownValue(p, v))};
    }
  };

  function pick(p, v, id) {
    if (p.siid) {
      if (!p.write) return controls.plain(p);
      if (p.kind === 'bool') return controls.toggle(p, true, false, id);
      if (p.choices) return controls.list(p, id);
      if (p.range) return controls.slider(p, id);
      return p.kind === 'json' ? controls.plain(p) : controls.field(p, p.kind === 'string' ? 'text' : 'number', id);
    }
    // without a model: what an application takes as set_NAME can be set
    if (!p.settable) return controls.plain(p);
    if (v === 'on' || v === 'off') return controls.toggle(p, 'on', 'off', id);
    if (typeof v === 'boolean') return controls.toggle(p, true, false, id);
    return controls.field(p, typeof v === 'number' ? 'number' : 'text', id);
  }

  function row(p) {
    const id = 'p-' + p.id.replace(/[^\w.-]/g, c => '_' + c.codePointAt(0).toString(16)), c = pick(p, know.values[p.id], id);
    const name = h('div', {}, h('div', {id, text: label(p)}), p.text && p.path !== p.text ? h('div', {class: 'soft mono', text: p.path}) : null);
    const el = h('div', {class: c.slide ? 'prop slide' : 'prop', 'data-name': p.path || p.name}, name, h('div', {class: 'ctl'}, ...[c.el].flat()));
    return {el, update: q => c.show(know.values[q.id])};
  }

  function properties() {
    if (model) return model.properties;
    const keys = new Set((know.apps ? know.apps.peers : []).flatMap(p => p.keys));
    return Object.keys(know.values).filter(n => !n.startsWith('ota_')).sort().map(n => ({id: n, name: n, settable: keys.has('set_' + n)}));
  }

  function group(g) {
    const box = h('div'), acts = h('div', {class: 'row'});
    for (const a of g.actions) {
      const input = a.inputs ? h('input', {type: 'text', class: 'mono', value: '[]', 'aria-label': `${label(a)}: ${t('inputs, JSON')}`}) : null;
      acts.append(h('div', {class: 'row'}, input, h('button', {class: 'second', type: 'button', text: label(a), async onclick() {
        try { const r = await command('action', {did: a.path, siid: a.siid, aiid: a.iid, in: input ? JSON.parse(input.value) : []}); if (r.code < 0) throw new Error(r.code); notice(`${label(a)}: ${t('Done')}`); } catch (e) { notice(`${label(a)}: ${e.message}`); }
      }})));
    }
    return {el: card('', h('h3', {text: g.name || t('Properties')}), box, g.actions.length ? acts : null), update: q => each(box, q.props, p => p.id + (p.settable ? typeof know.values[p.id] : ''), row)};
  }

  function grouped() {
    const map = new Map(), at = path => { const k = path ? path.split('.')[0] : ''; if (!map.has(k)) map.set(k, {name: k, props: [], actions: []}); return map.get(k); };
    for (const p of properties()) at(p.path).props.push(p);
    for (const a of model ? model.actions : []) at(a.path).actions.push(a);
    return [...map.values()];
  }

  // ---- curves ----
  function curve(name) {
    const area = h('path', {class: 'area'}), line = h('path', {class: 'line'}), svg = h('svg', {viewBox: '0 0 180 100', preserveAspectRatio: 'none', role: 'img'}, area, h('line', {class: 'base', x1: 0, x2: 180, y1: 100, y2: 100}), line);
    const now = h('span', {class: 'big'}), range = h('span', {class: 'soft'}), title = h('h3');
    const el = h('section', {class: 'card curve'}, title, h('div', {class: 'head'}, now, range), svg, h('div', {class: 'legend'}, h('span', {text: t('one hour ago')}), h('span', {text: t('now')})));
    let points = [];
    const p = () => byId[name] || {id: name, name};
    function draw() {
      const v = know.values[name];
      set(title, label(p()));
      set(now, shownValue(p(), v));
      if (!points.length) return;
      let low = Math.min(...points.map(x => x[2])), high = Math.max(...points.map(x => x[3]));
      set(range, t('{0} to {1}', shownValue(p(), low), shownValue(p(), high)));
      svg.setAttribute('aria-label', t('{0}: between {1} and {2} in the last hour, now {3}', label(p()), number(low), number(high), shownValue(p(), v)));
      if (high - low < 1e-9) { low -= 1; high += 1; }
      const x = a => 180 - a, y = n => 96 - (n - low) / (high - low) * 92, at = (a, n) => `${x(a).toFixed(1)} ${y(n).toFixed(1)}`;
      // a value holds until the next one
      const pts = [...points, [0, ...points[points.length - 1].slice(1)]];
      line.setAttribute('d', 'M' + pts.map(q => at(q[0], q[1])).join('L'));
      area.setAttribute('d', 'M' + pts.map(q => at(q[0], q[3])).join('L') + 'L' + pts.slice().reverse().map(q => at(q[0], q[2])).join('L') + 'Z');
    }
    async function load() {
      const r = await api('history?name=' + encodeURIComponent(name));
      if (r.data.points) points = r.data.points;
      draw();
    }
    load();
    return {el, load, update() {
      const v = know.values[name], last = points[points.length - 1];
      if (typeof v === 'number') {
        if (last && last[0] === 0) { last[1] = v; last[2] = Math.min(last[2], v); last[3] = Math.max(last[3], v); } else points.push([0, v, v, v]);
      }
      draw();
    }};
  }

  // With a model the values are asked for: not everything is reported.
  async function start() {
    if (know.model) {
      const r = await api('model');
      if (r.status === 200) {
        model = r.data;
        for (const p of model.properties) { p.id = `${p.siid}.${p.iid}`; byId[p.id] = p; }
      }
    }
    self.show('enter');
    for (let list = model ? model.properties.filter(p => p.read) : []; list.length;) {
      const some = list.splice(0, 50);
      try {
        const r = await command('get_properties', some.map(p => ({did: p.path, siid: p.siid, piid: p.iid})));
        r.forEach((x, i) => { if (x && x.code === 0) know.values[some[i].id] = x.value; });
      } catch { break; }
      self.show('values');
    }
  }

  let timer, begun = false;
  const self = {
    el: h('div', {}, h('h2', {text: t('Control')}), none, groups, h('h2', {text: t('Last hour')}), noCurve, curves),
    show(what) {
      if (!begun && know.model !== undefined) { begun = true; start(); return; }
      if (!['enter', 'values', 'state', 'peers'].includes(what)) return;
      const list = grouped();
      set(none, list.length ? '' : t('Nothing has been reported yet. Values appear as soon as an application reports them.'));
      each(groups, list, g => g.name, group);
      const names = know.curves.filter(n => !n.startsWith('ota_') && (!byId[n] || !byId[n].choices));
      set(noCurve, names.length ? '' : t('Numbers get a curve as soon as they are reported.'));
      each(curves, names, n => n, curve);
    },
    enter() { timer = setInterval(() => { for (const c of (curves.rows || new Map()).values()) c.load(); }, 20000); },
    leave() { clearInterval(timer); }
  };
  return self;
}
