// SPDX-License-Identifier: MIT
// First set-up: choose a network, give its key, look at the checks, and only then change something.
import {h, set, each, t, word, api, card} from './base.js';

const names = {client: 'The client runs', hooks: 'The network’s scripts are there', free: 'The device can be set up', ssid: 'The name is valid', passwd: 'The key is valid', network: 'The network is in reach', country: 'The country is valid', zone: 'The time zone is known'};
const reasons = {away: 'it does not answer', missing: 'some are missing', joining: 'it is joining a network now', has_network: 'it has a network already, which is replaced', long: 'too long', empty: 'it is empty', line_end: 'a line end is in it', control: 'a control character is in it', length: '8 to 63 characters are wanted, or 64 hex digits', open: 'none: everybody can listen', no_list: 'there is no list to look into', is_open: 'this network has no key', wants_key: 'this network wants a key', not_seen: 'it was not seen; it may be hidden or far away', word: 'small letters are wanted', unknown: 'it is unknown here'};
const say = (table, prefix, k) => { const z = t(prefix + k); return z === prefix + k ? table[k] || k : z; };

export function setup(know) {
  let nets = null, joining = '', before = {};
  const steps = h('ol', {class: 'steps'}, ...['Network', 'Details', 'Check'].map(n => h('li', {text: t(n)})));
  const has = h('p', {class: 'note', text: t('This device has a network already. Set-up gives it another one.')});

  // ---- 1: which network ----
  const list = h('div', {class: 'nets', role: 'radiogroup', 'aria-label': t('Network')}), state = h('p', {class: 'soft', role: 'status'});
  const ssid = h('input', {id: 'ssid', maxlength: 32, required: true, autocomplete: 'off', spellcheck: 'false'});
  const search = h('button', {class: 'second', type: 'button', text: t('Search'), id: 'search', async onclick() {
    search.disabled = true;
    set(state, t('Searching …'));
    const {status, data} = await api('networks');
    search.disabled = false;
    nets = status === 200 ? data : [];
    set(state, status === 200 ? (nets.length ? '' : t('No network was found.')) : data.error);
    each(list, nets, n => n.ssid, n => ({el: h('label', {}, h('input', {type: 'radio', name: 'net', value: n.ssid, onchange() { ssid.value = n.ssid; }}), h('span', {text: n.ssid}), h('span', {class: 'soft', text: `${n.security === 'open' ? t('open') : n.security} · ${n.signal} dBm`}))}));
    list.hidden = !nets.length;
  }});
  const one = h('form', {onsubmit(e) { e.preventDefault(); go(1); }}, h('div', {class: 'row'}, search, state), list, h('label', {text: t('Network name')}, ssid), h('div', {}, h('button', {text: t('Next')})));
  list.hidden = true;

  // ---- 2: key, country, zone ----
  const passwd = h('input', {id: 'passwd', type: 'password', maxlength: 64, autocomplete: 'off'});
  const reveal = h('button', {class: 'quiet', type: 'button', text: t('Show'), 'aria-pressed': false, onclick() { const on = passwd.type === 'password'; passwd.type = on ? 'text' : 'password'; reveal.setAttribute('aria-pressed', on); }});
  const country = h('select', {id: 'country'}, h('option', {value: '', text: t('mainland China')}), ...['de', 'i2', 'ru', 'sg', 'us'].map(c => h('option', {value: c, text: c.toUpperCase()})));
  const zone = h('input', {id: 'zone', maxlength: 64, spellcheck: 'false', value: Intl.DateTimeFormat().resolvedOptions().timeZone || ''});
  const uid = h('input', {id: 'uid', type: 'number', min: 0, value: 0, 'aria-describedby': 'uid-note'});
  const two = h('form', {onsubmit(e) { e.preventDefault(); go(2); }}, h('label', {text: t('Key')}, passwd), h('div', {}, reveal), h('div', {class: 'two'}, h('label', {text: t('Country')}, country), h('label', {text: t('Time zone')}, zone), h('label', {text: t('Owner')}, uid)),
    h('p', {class: 'note', id: 'uid-note', text: t('The number of the account that owns the device; 0 without one.')}), h('div', {class: 'row'}, h('button', {text: t('Next')}), h('button', {class: 'second', type: 'button', text: t('Back'), onclick: () => go(0)})));

  // ---- 3: checks, and the change ----
  const checks = h('ul', {class: 'checks', id: 'checks'}), join = h('button', {type: 'button', id: 'join', text: t('Join'), disabled: true, onclick: apply}), result = h('p', {role: 'status', id: 'result'});
  const still = h('p', {class: 'note', text: t('Nothing has been changed yet.')});
  const three = h('div', {class: 'form'}, checks, still, h('div', {class: 'row'}, join, h('button', {class: 'second', type: 'button', text: t('Check again'), onclick: check}), h('button', {class: 'second', type: 'button', text: t('Back'), onclick: () => go(1)})), result);

  const ask = more => ({ssid: ssid.value, passwd: passwd.value, country: country.value, tz: zone.value, uid: Number(uid.value) || 0, ...more});
  function showChecks(data) {
    each(checks, data.checks || [], c => c.name, () => {
      const mark = h('span', {class: 'm', 'aria-hidden': true}), text = h('span'), el = h('li', {}, mark, text);
      return {el, update(c) { el.className = c.state; set(mark, {ok: '✓', bad: '✗', unsure: '!'}[c.state]); set(text, say(names, 'c.', c.name) + (c.why ? ': ' + say(reasons, 'w.', c.why) : '')); }};
    });
    join.disabled = !data.ok;
  }
  async function check() {
    set(result, '');
    join.disabled = true;
    const {status, data} = await api('setup', ask({check: true}));
    if (status === 200) showChecks(data);
    else set(result, data.error);
  }
  async function apply() {
    join.disabled = true;
    before = {...(know.status && know.status.setup)};
    const {data} = await api('setup', ask());
    if (data.checks) return showChecks(data);
    if (!data.result) return set(result, t('The device refused: {0}', data.error.message || data.error));
    joining = ssid.value;
    passwd.value = '';
    still.hidden = true;
    set(result, t('The device joins {0} now. Its access point may go away: this page comes back by itself when it is reachable again.', joining));
  }

  function go(n) {
    [one, two, three].forEach((el, i) => { el.hidden = i !== n; });
    [...steps.children].forEach((el, i) => i === n ? el.setAttribute('aria-current', 'step') : el.removeAttribute('aria-current'));
    if (n === 2) { still.hidden = false; check(); }
    const first = [ssid, passwd, join][n];
    if (n || self.entered) first.focus();
  }

  const self = {
    el: h('div', {}, h('h2', {text: t('Set-up')}), h('section', {class: 'card'}, steps, has, one, two, three)),
    show() {
      const s = know.status && know.status.setup;
      has.hidden = !(s && s.provisioned) || !!joining;
      search.hidden = know.networks === false;
      if (know.networks === false) set(state, t('This device has no list of networks; type the name.'));
      if (!joining || !s) return;
      const more = k => s[k] > (before[k] || 0);
      if (more('joined')) { set(result, t('Joined. The device is on the network {0}.', joining)); joining = ''; }
      else if (more('failed') && !s.joining) { set(result, t('The network could not be joined. Name or key may be wrong.')); joining = ''; }
    },
    enter() { if (!self.entered) { go(0); self.entered = true; if (know.networks) search.click(); } }
  };
  return self;
}
