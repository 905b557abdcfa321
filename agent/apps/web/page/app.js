// SPDX-License-Identifier: MIT
// Login, the stream of news, which part is shown
import {$, h, set, each, t, word, api, whenOut, notice, facts, card, chip, number, span, bytes, clock, command, lang} from './base.js';
import {control} from './device.js';
import {appName, traffic} from './traffic.js';
import {setup} from './setup.js';

// What is known; parts read it and are told when it changes.
const know = {agent: false, status: null, apps: null, values: {}, curves: [], history: []};
let parts, shown, stream, wish = '', wait = 1000, lost = false, retry;

// ---- news ----
function changed(what) {
  const s = know.status, d = s && s.device;
  set($('name'), (d && d.model) || t('Device'));
  document.title = $('name').textContent;
  const link = $('link');
  link.className = 'chip ' + (lost ? 'bad' : !know.agent || (s && /^ap_|fail|retry/.test(s.state)) ? 'warn' : 'ok');
  set(link.lastChild, lost ? t('Connecting') : !know.agent ? t('No agent') : s ? word(s.state) : t('Connected'));
  if (shown) shown.show(what);
}

function rates(apps) {
  const now = performance.now(), before = know.rates || {};
  know.rates = {};
  for (const p of apps ? apps.peers : []) {
    const b = before[p.peer], s = b ? (now - b.at) / 1000 : 0;
    const rate = k => s > .5 ? Math.max(0, p[k] - b[k]) / s : b ? b.r[k] : 0;
    know.rates[p.peer] = {at: now, texts_in: p.texts_in, texts_out: p.texts_out, r: {texts_in: rate('texts_in'), texts_out: rate('texts_out')}};
  }
}

const news = {
  state(d) { Object.assign(know, d); rates(d.apps); },
  agent(d) { know.agent = d; if (!d) { know.status = null; know.apps = null; } },
  status(d) { know.status = d; },
  peers(d) { know.apps = d; rates(d); },
  values(d) {
    Object.assign(know.values, d);
    for (const [k, v] of Object.entries(d)) if (typeof v === 'number' && !know.curves.includes(k)) know.curves.push(k);
  },
  traffic(d) { know.batch = d; }
};

function listen(query) {
  if (query !== undefined) { if (query === wish && stream) return; wish = query; }
  if (stream) stream.close();
  clearTimeout(retry);
  stream = new EventSource('api/events' + wish);
  for (const name of Object.keys(news)) stream.addEventListener(name, e => {
    news[name](JSON.parse(e.data));
    if (lost) { lost = false; notice(t('Connected again')); }
    wait = 1000;
    changed(name);
  });
  stream.onerror = async () => {
    stream.close();
    stream = null;
    if (!lost) { lost = true; changed('link'); }
    notice(t('Connection to the device lost. Trying again …'), true);
    const {status, data} = await api('session');
    if (status === 200 && !data.in) return login(data);
    clearTimeout(retry);
    retry = setTimeout(() => listen(), status === 200 ? Math.min(wait, 1000) : wait);
    wait = Math.min(wait * 2, 10000);
  };
}

// ---- overview ----
const good = {cloud_connected: 'ok', off: '', wifi_ap_mode: 'warn', ap_mode: 'warn', sta_mode: 'warn', wifi_failed: 'bad'};
// Asked for, since an update's own reports wait for a cloud
async function askUpdate() {
  if (!know.apps || !know.apps.peers.some(p => p.keys.includes('miIO.get_ota_state'))) return;
  try {
    const [state] = await command('miIO.get_ota_state', []), [percent] = await command('miIO.get_ota_progress', []);
    news.values({ota_state: state, ota_progress: percent});
    changed('update');
  } catch { /* shown as soon as it answers */ }
}

function overview() {
  let asked;
  const banner = h('section', {class: 'card row', hidden: true}, h('p', {text: t('This device has no network yet.')}), h('a', {class: 'button', href: '#setup', text: t('Set it up')}));
  const dev = card('Device'), fDev = facts(dev), lan = card('Local network'), fLan = facts(lan), spool = card('Kept reports'), fSpool = facts(spool);
  const text = h('p', {class: 'big', text: '–'}), bar = h('b'), meter = h('div', {class: 'meter', role: 'progressbar', 'aria-label': t('Firmware update'), 'aria-valuemin': 0, 'aria-valuemax': 100}, bar);
  const line = h('p', {class: 'soft'}), ota = card('Firmware update', text, meter, line), clouds = h('div', {class: 'grid'});
  const away = h('p', {class: 'soft'});
  function oneCloud() {
    const c = chip(), head = h('div', {class: 'head'}, h('h3'), c.el), el = h('section', {class: 'card'}, head), f = facts(el), why = h('p', {class: 'err'});
    el.append(why);
    return {el, update(x) {
      set(head.firstChild, x.name);
      c.show(good[x.state] ?? 'warn', word(x.state));
      f('Server', x.server);
      f('Since', span(x.since_s || 0));
      f('In flight', number(x.in_flight || 0));
      f('Sent', number(x.sent || 0));
      f('Acknowledged', number(x.acked || 0));
      set(why, x.state !== 'cloud_connected' && x.error ? `${word(x.error.reason)}: ${x.error.text || ''} · ${t('{0} ago', span(x.error.ago_s || 0))}` : '');
    }};
  }
  return {
    el: h('div', {}, banner, h('h2', {text: t('Overview')}), h('div', {class: 'grid four'}, dev, ota, spool, lan), h('h2', {text: t('Clouds')}), away, clouds),
    show(what) {
      const s = know.status || {}, d = s.device || {}, p = s.spool || {}, l = s.lan || {}, v = know.values;
      banner.hidden = !(s.setup && !s.setup.provisioned && s.state === 'ap_mode');
      fDev('Model', d.model);
      fDev('Device id', d.did);
      fDev('Firmware', d.firmware);
      fDev('State', s.state && word(s.state));
      fDev('Running for', s.uptime_s == null ? '' : span(s.uptime_s));
      fDev('Clock', s.clock && word(s.clock.source));
      fSpool('Waiting', p.reports == null ? '' : `${number(p.reports)} / ${number(p.max_reports)}`);
      fSpool('Space', p.bytes == null ? '' : `${bytes(p.bytes)} / ${bytes(p.max_bytes)}`);
      fSpool('Oldest', p.reports ? span(p.oldest_s || 0) : '');
      fLan('Open', l.open == null ? '' : t(l.open ? 'yes' : 'no'));
      fLan('Phones lately', l.peers == null ? '' : number(l.peers));
      fLan('Served', l.served == null ? '' : number(l.served));
      const state = v.ota_state, busy = ['downloading', 'installing', 'wait_install', 'downloaded'].includes(state);
      const percent = state === 'installed' ? 100 : Math.max(0, Math.min(100, Number(v.ota_progress) || 0));
      if ((what === 'peers' || what === 'enter') && know.apps && (busy || !asked)) { asked = true; askUpdate(); }
      set(text, typeof state === 'string' ? word(state) : word('idle'));
      bar.style.width = (busy || state === 'installed' ? percent : 0) + '%';
      meter.setAttribute('aria-valuenow', busy || state === 'installed' ? percent : 0);
      set(line, busy ? t('Update: {0} %', percent) : t('No update is under way.'));
      set(away, know.status ? (s.clouds || []).length ? '' : t('No cloud is used') : t('The client does not answer yet.'));
      each(clouds, s.clouds || [], x => x.name, oneCloud);
    }
  };
}

// ---- applications ----
function apps() {
  const grid = h('div', {class: 'grid'}), none = h('p', {class: 'soft', text: t('No application is connected.')});
  function one() {
    const name = h('h3'), who = h('span', {class: 'soft'}), keys = h('ul', {class: 'keys mono'});
    const cell = label => { const v = h('p'); return {v, el: h('div', {}, h('p', {class: 'soft', text: t(label)}), v)}; };
    const a = cell('Received'), b = cell('Delivered'), q = cell('Queue');
    return {el: h('section', {class: 'card'}, h('div', {class: 'head'}, name, who), h('div', {class: 'rates'}, a.el, b.el, q.el), keys), update(p) {
      const r = (know.rates[p.peer] || {r: {}}).r;
      set(name, p.peer === know.you ? `${appName(know, p)} (${t('this page')})` : appName(know, p));
      set(who, p.uid == null ? '' : t('user {0}', p.uid));
      set(a.v, t('{0}/s', number(Math.round((r.texts_in || 0) * 10) / 10)));
      set(b.v, t('{0}/s', number(Math.round((r.texts_out || 0) * 10) / 10)));
      set(q.v, bytes(p.queued));
      each(keys, [...p.keys, ...p.standby.map(k => `${k} · ${t('waiting for its turn')}`)], k => k, k => ({el: h('li', {text: k})}));
    }};
  }
  return {
    el: h('div', {}, h('h2', {text: t('Applications')}), none, grid),
    show() {
      const list = know.apps ? know.apps.peers : [];
      none.hidden = list.length > 0;
      each(grid, list, p => p.peer, one);
    }
  };
}

// ---- command ----
function commands() {
  const methods = h('datalist', {id: 'methods'});
  const method = h('input', {id: 'method', list: 'methods', required: true, maxlength: 128, autocomplete: 'off', spellcheck: 'false', class: 'mono'});
  const params = h('textarea', {id: 'params', spellcheck: 'false', class: 'mono', text: '[]'});
  const to = h('select', {id: 'to'}, h('option', {value: 'device', text: t('the applications, as from the cloud')}), h('option', {value: 'client', text: t('the client and the cloud')}));
  const wrong = h('p', {class: 'err', role: 'alert'}), list = h('ul', {class: 'grid'}), none = h('p', {class: 'soft', text: t('Answers appear here.')});
  const send = h('button', {id: 'send', text: t('Send')});
  know.history = JSON.parse(sessionStorage.getItem('history') || '[]');
  function one(x) {
    const kind = chip(), el = h('li', {class: 'card wide'}, h('div', {class: 'head'}, h('h3', {class: 'mono', text: x.method}), kind.el),
      h('pre', {class: 'soft', text: x.params}), h('pre', {text: x.answer}),
      h('div', {class: 'row'}, h('button', {class: 'quiet', type: 'button', text: t('Again'), onclick() { method.value = x.method; params.value = x.params; to.value = x.to; method.focus(); }}),
        h('span', {class: 'soft', text: `${clock(x.at)} · ${x.ms} ms`})));
    kind.show(x.good ? 'ok' : 'bad', x.good ? 'OK' : t('failed'));
    return {el};
  }
  const self = {
    el: h('div', {}, h('h2', {text: t('Command')}), h('section', {class: 'card'}, h('form', {async onsubmit(e) {
      e.preventDefault();
      let value;
      try { value = JSON.parse(params.value || '[]'); if (typeof value !== 'object' || !value) throw new Error(params.value); } catch (x) { return set(wrong, t('Parameters must be a JSON array or object: {0}', x.message)); }
      set(wrong, '');
      send.disabled = true;
      const at = Date.now(), from = performance.now(), x = {id: at, at, method: method.value, params: params.value, to: to.value};
      try { x.answer = JSON.stringify(await command(x.method, value, x.to), null, 1); x.good = true; } catch (f) { x.answer = f.message; }
      x.ms = Math.round(performance.now() - from);
      send.disabled = false;
      know.history.unshift(x);
      know.history.length = Math.min(know.history.length, 30);
      sessionStorage.setItem('history', JSON.stringify(know.history));
      self.show();
    }}, methods, h('div', {class: 'two'}, h('label', {text: t('Method')}, method), h('label', {text: t('To')}, to)), h('label', {text: t('Parameters, JSON')}, params), wrong, h('div', {}, send))),
    h('h2', {text: t('History')}), none, list),
    show() {
      const keys = new Set((know.apps ? know.apps.peers : []).flatMap(p => p.keys).filter(k => !k.endsWith('*') && !k.startsWith('agent.') && k !== 'local.status'));
      each(methods, [...keys].sort(), k => k, k => ({el: h('option', {value: k})}));
      none.hidden = know.history.length > 0;
      each(list, know.history, x => x.id, one);
    }
  };
  return self;
}

// ---- log ----
function logs() {
  const box = h('div', {class: 'log card mono', tabindex: 0, role: 'log', 'aria-label': t('Log')}), next = {};
  const of = h('select', {id: 'of', 'aria-label': t('Log')}, h('option', {value: 'client', text: t('Client')}), h('option', {value: 'agent', text: t('Agent')}));
  let timer;
  async function load(fresh) {
    clearTimeout(timer);
    if (fresh) { box.textContent = ''; next[of.value] = 0; }
    const which = of.value, stick = box.scrollTop + box.clientHeight >= box.scrollHeight - 30;
    for (let more = true; more && which === of.value;) {
      const {data} = await api(`log?of=${which}&from=${next[which] || 0}`), r = data.result;
      if (!r) { if (fresh) box.append(h('p', {class: 'err', text: data.error.message || data.error})); break; }
      for (const line of r.lines) box.append(h('div', {class: line.includes('[ERROR]') ? 'e' : line.includes('[WARNING]') ? 'w' : '', text: line}));
      next[which] = r.next;
      more = r.more;
    }
    while (box.childElementCount > 1000) box.firstChild.remove();
    if (stick || fresh) box.scrollTop = box.scrollHeight;
    if (shown === self) timer = setTimeout(() => load(), 3000);
  }
  of.onchange = () => load(true);
  const self = {
    el: h('div', {}, h('div', {class: 'head'}, h('h2', {text: t('Log')}), h('div', {class: 'row'}, of)), box,
      h('section', {class: 'card row'}, h('a', {class: 'button second', id: 'bundle', href: 'api/bundle', download: 'miio-bundle.tar', text: t('Download support archive')}), h('p', {class: 'soft', text: t('Nothing secret is in it: keys and passwords are replaced.')}))),
    show() {},
    enter() { load(true); },
    leave() { clearTimeout(timer); }
  };
  return self;
}

// ---- log in ----
function login(session) {
  if (stream) { stream.close(); stream = null; }
  notice('');
  $('nav').hidden = $('logout').hidden = true;
  shown = null;
  const wrong = h('p', {class: 'err', role: 'alert'}), field = h('input', {type: 'password', id: 'password', required: true, autocomplete: 'current-password', maxlength: 256});
  const form = h('form', {async onsubmit(e) {
    e.preventDefault();
    const r = await api('login', {password: field.value});
    if (r.status === 200) return start();
    field.value = '';
    set(wrong, r.status === 429 ? t('Too many tries. Wait {0} s.', r.retry) : r.status === 403 ? t('Wrong password') : r.data.error);
    field.focus();
  }}, h('label', {text: t('Password')}, field), wrong, h('button', {text: t('Log in')}));
  const no = h('p', {text: t('Open here for root and the user of miio_web only. Set a password with miio_web --set-password, or start it with --any-local-user.')});
  $('main').replaceChildren(h('section', {class: 'card login'}, h('h2', {text: session.password ? t('Log in') : t('This user may not look in')}), session.password ? form : no));
  if (session.password) field.focus();
}

// ---- which part ----
function go() {
  if (!parts) return;
  const name = parts[location.hash.slice(1)] ? location.hash.slice(1) : 'overview', part = parts[name];
  if (shown && shown === part.made) return;
  if (shown && shown.leave) shown.leave();
  part.made = part.made || part.make(know);
  const first = !shown;
  shown = part.made;
  const nav = $('nav');
  for (const a of nav.children) name === a.hash.slice(1) ? a.setAttribute('aria-current', 'page') : a.removeAttribute('aria-current');
  nav.scrollTo({left: nav.querySelector('[aria-current]').offsetLeft - 60});
  $('main').replaceChildren(shown.el);
  listen(shown.query ? shown.query() : '');
  shown.show('enter');
  if (shown.enter) shown.enter();
  if (!first) { $('main').focus(); scrollTo(0, 0); }
}

async function start() {
  const {status, data} = await api('session');
  if (status !== 200) { notice(t('The device does not answer'), true); return setTimeout(start, 2000); }
  if (!data.in) return login(data);
  notice('');
  parts = {
    overview: {name: 'Overview', make: overview}, control: {name: 'Control', make: control}, apps: {name: 'Applications', make: apps},
    traffic: {name: 'Traffic', make: k => traffic(k, listen)}, command: {name: 'Command', make: commands}, log: {name: 'Log', make: logs}, setup: {name: 'Set-up', make: setup}
  };
  const nav = $('nav');
  nav.setAttribute('aria-label', t('Device'));
  nav.replaceChildren(...Object.entries(parts).map(([k, p]) => h('a', {href: '#' + k, text: t(p.name)})));
  nav.hidden = false;
  $('logout').hidden = !data.password;
  go();
}

document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
set($('skip'), t('Skip to content'));
set($('logout'), t('Log out'));
set($('name'), t('Device'));
const other = $('lang');
set(other, lang === 'zh' ? 'English' : '中文');
other.lang = lang === 'zh' ? 'en' : 'zh';
other.onclick = () => { localStorage.setItem('lang', lang === 'zh' ? 'en' : 'zh'); location.reload(); };
$('logout').onclick = async () => { await api('logout', {}); location.reload(); };
$('skip').onclick = e => { e.preventDefault(); $('main').focus(); };
addEventListener('hashchange', go);
// a page that is kept for the way back must not keep a connection
addEventListener('pagehide', () => stream && stream.close());
addEventListener('pageshow', e => e.persisted && shown && listen());
whenOut(async () => { const {data} = await api('session'); if (data.in === false) login(data); });
start();
