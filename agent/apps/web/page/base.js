// SPDX-License-Identifier: MIT
// What every part of the page uses: elements, requests, words. Text of others goes into text nodes only, never into markup.
import {zh} from './words.js';

export const $ = id => document.getElementById(id);

// h('p', {class: 'soft', onclick: f, text: 'x'}, child, ...)
export function h(tag, attrs, ...kids) {
  const el = tag === 'svg' || tag === 'path' || tag === 'line' ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [k, v] of Object.entries(attrs || {})) {
    if (k === 'text') el.textContent = v;
    else if (k.startsWith('on')) el.addEventListener(k.slice(2), v);
    else if (v === true) el.setAttribute(k, '');
    else if (v !== false && v != null) el.setAttribute(k, v);
  }
  el.append(...kids.filter(k => k != null));
  return el;
}

export const set = (el, text) => { text = String(text); if (el.textContent !== text) el.textContent = text; };

// Makes the children of a parent those of a list, and touches only what differs. make(item) gives {el, update(item)}.
export function each(parent, items, key, make) {
  const old = parent.rows || new Map(), now = new Map();
  let at = parent.firstChild;
  for (const item of items) {
    const k = key(item), row = old.get(k) || make(item);
    now.set(k, row);
    row.update && row.update(item);
    if (row.el === at) at = at.nextSibling;
    else parent.insertBefore(row.el, at);
  }
  for (const [k, row] of old) if (!now.has(k)) row.el.remove();
  parent.rows = now;
}

// ---- language: English is in the code, Chinese in words.js ----
const wanted = localStorage.getItem('lang') || navigator.language;
export const lang = wanted.startsWith('zh') ? 'zh' : 'en';
export function t(text, ...args) {
  const s = lang === 'zh' ? zh[text] || text : text;
  return s.replace(/\{(\d)\}/g, (_, i) => args[i]);
}
const en = {ap_mode: 'Waiting for set-up', wifi_ap_mode: 'Waiting for set-up', sta_mode: 'On the network', wifi_connected: 'On the network', cloud_connected: 'Connected', cloud_retry: 'Trying again', cloud_connecting: 'Connecting', wait_install: 'Ready to install'};
// A word of the daemons, such as cloud_connected
export function word(w) {
  const s = String(w ?? '');
  if (lang === 'en' && en[s]) return en[s];
  return lang === 'zh' && zh[s] ? zh[s] : s.replace(/_/g, ' ').replace(/^./, c => c.toUpperCase());
}

const locale = lang === 'zh' ? 'zh-CN' : 'en-GB';
export const number = n => Number(n).toLocaleString(locale, {maximumFractionDigits: 2});
export const clock = ms => new Date(ms).toLocaleTimeString(locale, {hour12: false});
export function span(s) {
  if (s < 60) return t('{0} s', Math.round(s));
  if (s < 3600) return t('{0} min', Math.round(s / 60));
  if (s < 172800) return t('{0} h', Math.round(s / 3600));
  return t('{0} days', Math.round(s / 86400));
}
export const bytes = n => n < 1024 ? n + ' B' : n < 1048576 ? number(n / 1024) + ' KiB' : number(n / 1048576) + ' MiB';

// ---- requests ----
let onLogin = () => {};
export const whenOut = f => { onLogin = f; };
export async function api(path, body) {
  const o = body === undefined ? {} : {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)};
  let r;
  try { r = await fetch('api/' + path, o); } catch { return {status: 0, data: {error: t('The device does not answer')}}; }
  const data = await r.json().catch(() => ({error: r.statusText}));
  if (r.status === 401) onLogin();
  return {status: r.status, data, retry: r.headers.get('Retry-After')};
}
// A command for the device's applications; the result, or an Error with the device's words.
export async function command(method, params, to = 'device') {
  const {data} = await api('call', {method, params, to});
  if (data.error) throw new Error(data.error.message ? `${data.error.message} (${data.error.code})` : data.error);
  return data.result;
}

let timer;
export function notice(text, stay) {
  const el = $('notice');
  clearTimeout(timer);
  if (text) set(el, text);
  el.classList.toggle('on', !!text);
  if (text && !stay) timer = setTimeout(() => el.classList.remove('on'), 4000);
}

// A row of a card: a name and a value that changes
export function facts(parent) {
  const dl = h('dl'), map = new Map();
  parent.append(dl);
  return (name, value) => {
    let dd = map.get(name);
    if (!dd) { dd = h('dd'); map.set(name, dd); dl.append(h('dt', {text: t(name)}), dd); }
    set(dd, value == null || value === '' ? '–' : value);
  };
}
export const card = (title, ...kids) => h('section', {class: 'card'}, title ? h('h3', {text: t(title)}) : null, ...kids);
export function chip() {
  const text = h('span'), el = h('span', {class: 'chip'}, h('i'), text);
  return {el, show(kind, s) { el.className = 'chip ' + kind; set(text, s); }};
}
