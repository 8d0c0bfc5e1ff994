// What is smoother with a script; every action also works as a plain link or form.
// One file, delegated listeners, no state but what the page says.
(() => {
  const html = document.documentElement, $ = s => document.querySelector(s), $$ = s => document.querySelectorAll(s);
  html.classList.add('js');
  if (!navigator.clipboard) html.classList.add('no-copy'); // over plain http

  // --- Words. English is the key; the page brings another language's, see views/words.go.
  const words = JSON.parse(document.body.dataset.words ?? '{}');
  const tr = (english, ...args) => (words[english] ?? english.split('|')[0]).replace(/%s/g, () => args.shift());

  // --- Countdowns. The server says how many seconds are left at the moment it rendered
  // (data-countdown at data-at); only what has gone by since is ours. Never two clocks.
  const seen = new WeakMap();
  const pad = n => String(n).padStart(2, '0');
  const clock = s => s >= 172800 ? `${s / 86400 | 0}d ${s % 86400 / 3600 | 0}:${pad(s % 3600 / 60 | 0)}`
    : s >= 3600 ? `${s / 3600 | 0}:${pad(s % 3600 / 60 | 0)}:${pad(s % 60)}` : `${s / 60 | 0}:${pad(s % 60)}`;
  const fire = name => document.body.dispatchEvent(new CustomEvent('live:' + name, {bubbles: true}));
  const say = text => { const p = $('#announce'); if (p) p.textContent = text; };
  // one message for all that end together: each would overwrite the one before
  const warn = ending => {
    const texts = [[30, '30 seconds left for %s.'], [120, '2 minutes left for %s.']].flatMap(([at, text]) => {
      const these = ending.filter(w => w.at === at), of = [...new Set(these.map(w => w.of || tr('a reservation')))];
      if (!of.length) return [];
      const names = of.length > 3 ? tr('%s reservations', of.length) : new Intl.ListFormat(html.lang).format(of);
      return [tr(text, names), ...of.length === 1 && these.some(w => w.extend) ? [tr('You can extend it.')] : []];
    });
    if (texts.length) say(texts.join(' '));
  };
  const step = () => {
    const ending = [];
    for (const el of $$('[data-countdown]')) {
      const key = el.dataset.countdown + '@' + el.dataset.at;
      let base = seen.get(el);
      // last starts at what is left now, so that a page opened at 1:50 does not announce 2:00,
      // and stays when the page is told anew in the second in which it does
      if (base?.key !== key) seen.set(el, base = {key, from: performance.now(), last: base?.last ?? +el.dataset.countdown});
      const left = Math.max(0, Math.ceil(el.dataset.countdown - (performance.now() - base.from) / 1000));
      const time = el.querySelector('time'), text = clock(left);
      if (time.textContent !== text) time.textContent = text;
      el.querySelector('.arc').style.setProperty('stroke-dasharray', `${Math.min(100, 100 * left / el.dataset.total)} 100`);
      const tone = left > 300 ? 'calm' : left > 30 ? 'soon' : 'now';
      if (el.dataset.tone !== tone) el.dataset.tone = tone;
      const at = [30, 120].find(at => base.last > at && left <= at);
      if (at && left) ending.push({at, of: el.dataset.of, extend: 'extend' in el.dataset});
      // it is over when the server says so: ask, a little later than its own clock
      if (!left && !base.over) { base.over = true; setTimeout(() => { fire('reservations'); fire('shelf'); }, 300); }
      base.last = left;
    }
    warn(ending);
  };

  // --- Times: the server writes UTC, the reader sees the zone that they chose, or the
  // browser's, as they do where the browser does not know theirs; hovering gives both.
  const known = timeZone => { try { new Intl.DateTimeFormat(undefined, {timeZone}); return timeZone; } catch {} };
  const zone = known(html.dataset.zone), locale = navigator.language.startsWith(html.lang) ? undefined : html.lang;
  const format = style => new Intl.DateTimeFormat(locale, {...style, timeZone: zone});
  const day = format({dateStyle: 'medium', timeStyle: 'short'}), hour = format({timeStyle: 'short'});
  const full = format({dateStyle: 'full', timeStyle: 'long'}), wall = format({timeStyle: 'long'}), date = format({dateStyle: 'short'});
  const times = () => {
    const today = date.format(new Date());
    for (const t of $$('time[data-when]')) {
      if (t.dataset.shown === t.dateTime) continue;
      const d = new Date(t.dateTime);
      t.title = `${full.format(d)} · ${t.title.split(' · ').pop()}`;
      t.textContent = (t.dataset.when === 'time' && date.format(d) === today ? hour : day).format(d);
      t.dataset.shown = t.dateTime;
    }
  };

  // --- Selections: how many, and all at once.
  const counted = () => {
    for (const box of $$('[data-select-all]')) {
      const all = box.closest('table').querySelectorAll('tbody .c-sel input'), on = [...all].filter(i => i.checked).length;
      box.checked = on > 0 && on === all.length; box.indeterminate = on > 0 && on < all.length; box.disabled = !all.length;
      for (const n of box.closest('.results').querySelectorAll('[data-selected]')) n.textContent = on;
    }
  };

  // --- What the ticked numbers of an order cost, in hundred-thousandths of a dollar.
  const sums = () => {
    for (const sum of $$('[data-sum]')) {
      const on = [...sum.closest('form').querySelectorAll('[data-cost]:checked')], cost = on.reduce((n, i) => n + +i.dataset.cost, 0);
      const text = tr(on.length === 1 ? '%s number, a month' : '%s numbers, a month', on.length), span = sum.querySelector('span');
      if (span.textContent === text) continue;
      span.textContent = text;
      sum.querySelector('b').textContent = cost ? '$' + (cost / 1e5).toFixed(5).replace(/0{1,3}$/, '') : '–';
    }
  };

  // --- Messages go by themselves, later when there is something to press, never while
  // somebody points at or stands on them.
  const toasts = () => {
    for (const t of $$('.toast:not([data-timed])')) {
      t.dataset.timed = '';
      if (t.dataset.kind === 'error') continue;
      const go = () => t.matches(':hover, :focus-within') ? setTimeout(go, 3000) : t.remove();
      setTimeout(go, t.querySelector('a') ? 20000 : 8000);
    }
  };

  const drawn = (use, icon) => use?.getAttribute('href').replace(/#.*/, '#' + icon); // an icon from where another is
  const toast = (kind, text) => {
    const stands = $('.toast[data-net]');
    if (stands && kind === 'warn' && (stands.dataset.kind === 'error' || stands.textContent === text)) return;
    const t = document.createElement('div');
    t.className = 'toast'; t.dataset.kind = kind; t.dataset.net = '';
    t.innerHTML = `<p></p><button class="icon" type="button" data-dismiss><svg class="i" aria-hidden="true"><use href="${drawn($('use'), 'x')}"></use></svg></button>`;
    t.firstChild.textContent = text; t.lastChild.setAttribute('aria-label', tr('Dismiss the message'));
    stands?.remove(); $('#toasts')?.append(t); toasts();
  };

  // --- Live: one stream; its messages become events that regions listen to. It begins
  // with what happened since the page was made. News that come while another page is on
  // its way may be newer than that page: they are told again once it stands.
  let linked = '';
  const onTheWay = new Set(), missed = new Set(), byItself = e => e.detail.ctx.sourceEvent?.type?.startsWith('live:');
  document.addEventListener('htmx:before:request', e => { if (!byItself(e)) onTheWay.add(e.detail.ctx); });
  document.addEventListener('htmx:finally:request', e => {
    if (!onTheWay.delete(e.detail.ctx) || onTheWay.size) return;
    for (const n of missed) fire(n);
    missed.clear();
  });
  const badge = () => {
    const p = $('#live');
    if (!linked || !p || p.dataset.state === linked) return;
    p.hidden = false; p.dataset.state = linked; p.querySelector('.live-t').textContent = linked === 'on' ? tr('Live|connection') : tr('Reconnecting');
  };
  const names = ['reservations', 'shelf', 'orders', 'account', 'import'];
  // timers stand still in sleep and in hidden tabs: ask when somebody looks again
  let hiddenAt = 0;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (Date.now() - hiddenAt > 30000) for (const n of names) fire(n);
  });
  if (document.body.dataset.live) {
    let stream, wait = 5000; // longer each time that nobody is there, up to a minute
    const open = () => {
      stream?.close();
      stream = new EventSource(document.body.dataset.live);
      stream.onopen = () => { wait = 5000; linked = 'on'; badge(); };
      stream.onerror = () => {
        linked = 'wait'; badge();
        if (stream.readyState !== EventSource.CLOSED) return;
        setTimeout(open, wait); wait = Math.min(2 * wait, 60000);
        // a stream does not say why it was refused: where the session is over, this does
        fetch(document.body.dataset.live, {method: 'HEAD', headers: {'HX-Request': 'true', 'HX-Current-URL': location.href}})
          .then(r => { const to = r.headers.get('HX-Redirect'); if (to) location.href = to; }, () => {});
      };
      for (const n of names) stream.addEventListener(n, () => { if (onTheWay.size) missed.add(n); fire(n); });
    };
    open();
    addEventListener('pagehide', () => stream.close());
    addEventListener('pageshow', e => { if (e.persisted) open(); });
  }

  // what changes without an event is asked again while it is looked at
  setInterval(() => { if (!document.hidden && document.querySelector('[data-again]')) htmx.trigger(document.body, 'live:again'); }, 3000);

  const refresh = () => { step(); times(); counted(); sums(); toasts(); badge(); };

  // --- htmx: what a change of page needs beside the swap.
  const toMend = () => $('#main :is(input, select, textarea)[aria-invalid], #main [aria-invalid] input')?.focus();
  toMend();
  const stretch = address => { const q = new URL(address, location).searchParams; return q.get('cursor') + ' ' + q.get('from'); };
  let from = location.pathname, address = location.pathname + location.search;
  // the rows shown ask how they are, all in one request
  document.addEventListener('htmx:config:request', e => {
    const {sourceElement: el, request} = e.detail.ctx;
    // what a page asks by itself does not keep a session alive
    if (byItself(e)) request.headers['X-Live'] = '1';
    if (!el.matches?.('[data-rows]')) return;
    for (const k of [...request.body.keys()]) request.body.delete(k);
    for (const row of [...el.children].slice(-400)) request.body.append('tn', row.id.slice(3));
  });
  // a form that answers with the page it stands on is no new page in the history
  document.addEventListener('htmx:before:history:update', e => {
    if (e.detail.history.path === location.pathname + location.search) e.detail.history.type = 'replace';
  });
  document.addEventListener('htmx:after:swap', () => {
    const now = location.pathname + location.search;
    if (now !== address) {
      // morphing keeps what was typed and ticked, but this is another page
      const own = document.activeElement?.closest('form');
      for (const form of $$('#main form, #lookup')) if (form !== own) form.reset();
      for (const d of $$('.me, .rest')) d.removeAttribute('open');
      const list = asked ? null : $('.results h2');
      if (location.pathname !== from && !asked) { scrollTo(0, 0); $('#h1')?.focus({preventScroll: true}); }
      else if (list && stretch(now) !== stretch(address)) { list.tabIndex = -1; list.focus({preventScroll: true}); list.scrollIntoView(); }
      else if (list) say(list.textContent);
      from = location.pathname; address = now;
    }
    // what was said is not said again: morphing would keep it in its field
    if (sent?.isConnected) sent.reset();
    // what was refused at a field is mended there
    if (asked) { asked = false; toMend(); }
    if (cursorId) document.getElementById(cursorId)?.classList.add('cursor');
    if (adrift() && trail.length) refocus();
    refresh();
  });
  // A swap may turn the button that was pressed into another thing with its id, or take
  // it away: then the focus goes to what is left nearest to it. trail is the ids from the
  // focus outwards.
  let trail = [], cursorId = '', asked = false, sent = null;
  const adrift = () => !document.activeElement?.checkVisibility() || document.activeElement === document.body;
  const able = e => e?.checkVisibility() && e.matches('a[href], button:not(:disabled), input:not(:disabled, [type=hidden]), select, textarea, summary') ? e : null;
  const refocus = () => {
    for (const id of trail) {
      const el = document.getElementById(id);
      if (!el) continue;
      const near = el.matches('main, form') ? '' : el.matches('tr') ? '.c-act .btn' : 'a, button, input, summary';
      const to = able(el) ?? (near && [...el.querySelectorAll('tr.cursor .c-sel input, tr.cursor .c-act .btn'), ...el.querySelectorAll(near)].find(able));
      if (to) return to.focus({preventScroll: true});
    }
    $('#h1')?.focus({preventScroll: true});
  };
  document.addEventListener('htmx:before:swap', e => {
    trail = []; cursorId = $('tr.cursor')?.id;
    for (let el = adrift() ? null : document.activeElement; el; el = el.parentElement) if (el.id) trail.push(el.id);
    const ctx = e.detail.ctx, status = ctx?.response?.status;
    asked = status === 422 && !byItself(e);
    sent = status >= 400 ? null : ctx?.sourceElement?.closest?.('form[data-clear]');
  });
  // a network that is gone is said, not hidden; also when it goes midway in an answer. What
  // a page asks by itself adds nothing to a message that stands.
  const lost = e => {
    const {ctx} = e.detail;
    if (byItself(e) && $('.toast[data-net]')) return;
    if (ctx.request.method.toUpperCase() === 'GET') toast('warn', tr('No connection.'));
    else toast('error', tr('The connection was lost. Whether this was done is unknown: look before you repeat it.'));
  };
  document.addEventListener('htmx:error', e => { if (e.detail.ctx && e.detail.ctx.text == null) lost(e); });
  // a proxy's own page is none of ours: what stands here stays
  document.addEventListener('htmx:after:request', e => {
    const {ctx} = e.detail;
    if (ctx.response.status < 500 || ctx.hx.reswap === 'none' || ctx.text.includes('id="main"')) return;
    e.preventDefault();
    lost(e);
  });
  document.addEventListener('htmx:response:error', e => {
    const {sourceElement: el, hx} = e.detail.ctx; // what brings a message of its own needs no other
    if (el.id === 'pager-more' && hx.reswap !== 'none') toast('warn', tr('There is no answer just now. Try again in a moment.'));
  });

  // --- Pointer and keys.
  document.addEventListener('click', e => {
    const copy = e.target.closest('[data-copy]');
    if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => {
      const show = icon => { const use = copy.querySelector('use'); use?.setAttribute('href', drawn(use, icon)); };
      copy.dataset.ok = ''; show('check'); say(tr('Copied'));
      setTimeout(() => { delete copy.dataset.ok; show('copy'); }, 1200);
    });
    const over = e.target.closest('[data-dismiss]')?.closest('.toast'), held = over?.contains(document.activeElement);
    over?.remove();
    if (held) ($('.toast button') ?? $('#h1'))?.focus({preventScroll: true});
    for (const d of $$('details.me[open], details.extra[open], details.rest[open]')) if (!d.contains(e.target)) d.open = false;
  });
  document.addEventListener('change', e => {
    if (e.target.matches('[data-select-all]')) for (const i of e.target.closest('table').querySelectorAll('tbody .c-sel input')) i.checked = e.target.checked;
    counted(); sums();
  });
  document.addEventListener('reset', () => setTimeout(() => { counted(); sums(); }));
  document.addEventListener('submit', e => {
    if (!e.target.matches('.theme')) return;
    e.preventDefault();
    const theme = e.submitter.value, body = new URLSearchParams(new FormData(e.target));
    body.set('theme', theme);
    html.dataset.theme = theme;
    e.target.querySelector(`[value=${theme === 'dark' ? 'light' : 'dark'}]`).focus();
    fetch(e.target.action, {method: 'POST', body, redirect: 'manual'});
  });
  const stand = row => {
    for (const r of $$('tr.cursor')) r.classList.remove('cursor');
    row.classList.add('cursor');
  };
  const move = by => {
    const rows = [...$$('tbody[id=rows] > tr')];
    if (!rows.length) return false;
    const at = rows.findIndex(r => r.classList.contains('cursor'));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
    stand(next);
    next.querySelector('.c-sel input, .c-tn a, .c-act .btn')?.focus({preventScroll: true});
    next.scrollIntoView({block: 'nearest'});
    return true;
  };
  document.addEventListener('focusin', e => { const row = e.target.closest('#rows > tr'); if (row) stand(row); });
  document.addEventListener('keydown', e => {
    const box = $('#q');
    if (box && (e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') { e.preventDefault(); box.focus(); box.select(); return; }
    if (e.key === 'Escape') { for (const d of $$('details.me[open], details.extra[open], details.rest[open]')) { d.open = false; d.querySelector('summary').focus(); } return; }
    if (html.dataset.keys === 'off' || e.ctrlKey || e.metaKey || e.altKey || $('dialog[open]') || e.target.closest?.('input:not([type=checkbox]), select, textarea, [contenteditable]')) return;
    const row = document.activeElement?.closest?.('#rows > tr') ?? $('tr.cursor');
    const did = {
      '/': [box, 'focus'], '?': [$('#keys'), 'showModal'], x: [row?.querySelector('.c-sel input'), 'click'], r: [row?.querySelector('[data-reserve]'), 'click'],
    }[e.key];
    if (did?.[0]) did[0][did[1]]();
    else if (!(e.key === 'j' && move(1) || e.key === 'k' && move(-1))) return;
    e.preventDefault();
  });

  const tick = () => {
    step();
    const c = $('.clock'); if (c) c.textContent = ' · ' + wall.format(new Date());
  };
  refresh(); tick(); setInterval(tick, 1000);
})();
