/* The agents' page: a stream of small messages in, one screen out.

   1. state -> reduce(state, message) -> render(state). `reduce` is pure; only what stands below "The page" touches the document.
   2. Text of a call enters the document as text nodes, never as markup.
   3. Nothing moves under the pointer or the focus: while suggestions are being read, newer ones wait behind a button.
   4. What is kept is bounded: calls, words and suggestions of a call, and so the document.
   5. The stream is read with fetch and not with EventSource, which hides a lost session, pings, and forgets the last id. */

'use strict';

const MOST_CALLS = 10;
const MOST_SEGMENTS = 300;
const MOST_GAPS = 50;
const MOST_SUGGESTIONS = 30;
const SHOWN_AFTER_END_MS = 15 * 60 * 1000;
const SILENCE_WORTH_SAYING_MS = 5000;
const READING_MS = 20000; // a pointer that has not moved for so long reads nothing
const GRACE_MS = 600; // after the last sign of reading
const DEAD_MS = 40000; // the desk pings every 15 s
const OFFLINE_AFTER = 3; // failed attempts
const MOST_RETRY_MS = 15000;
const NUMBERED = new Set(['PERSON', 'ADDRESS', 'LOCATION', 'ORG']);

/* ---- State ---- */

const START = {
  link: { state: 'connecting', attempts: 0, retryAt: null },
  calls: [], // newest first
  chosen: null, // the call the agent picked; null follows the running one
  reading: false,
  open: new Set(), // suggestions whose section is shown
  failed: new Set(), // suggestions whose verdict was not saved
  sections: {}, // `doc/number/call` -> {state: 'loading' | 'failed' | 'here', section}
};

const newestFirst = (one, other) => other.id - one.id;
const sectionKey = (suggestion) => `${suggestion.doc}/${suggestion.section}/${suggestion.call}`;

function current(state) {
  return state.calls.find((call) => call.call === state.chosen) || state.calls.find((call) => !call.ended_at) || state.calls[0] || null;
}

/** The card that shortcuts act on: the first open one, else the topmost. */
function addressed(state) {
  const shown = current(state)?.shown || [];
  return shown.find((suggestion) => state.open.has(suggestion.id)) || shown[0] || null;
}

/** A call as it came, with what this page adds: when it began and when to forget it by this machine's own clock. */
function received(call, now, skew) {
  const age = call.ended_at ? Math.max(0, now.wall + skew - Date.parse(call.ended_at)) : 0;
  return { ...call, beganAt: now.mono - call.elapsed_ms, forgetAt: call.ended_at ? now.mono + SHOWN_AFTER_END_MS - age : Infinity };
}

function whole(call, known, now, skew) {
  return {
    ...received(call, now, skew),
    segments: call.segments.slice(-MOST_SEGMENTS),
    shown: [...call.suggestions].sort(newestFirst).slice(0, MOST_SUGGESTIONS),
    waiting: [],
    gaps: known ? known.gaps : [],
  };
}

function changed(state, id, change) {
  return { ...state, calls: state.calls.map((call) => (call.call === id ? { ...call, ...change(call) } : call)) };
}

function isReading(state, call) {
  return state.reading || call.shown.some((suggestion) => state.open.has(suggestion.id));
}

function letIn(state) {
  const call = current(state);
  if (!call || !call.waiting.length || isReading(state, call)) return state;
  return changed(state, call.call, admitted);
}

const admitted = (call) => ({ shown: [...call.waiting, ...call.shown].slice(0, MOST_SUGGESTIONS), waiting: [] });

const REDUCERS = {
  snapshot(state, { calls }, { now, skew }) {
    const known = new Map(state.calls.map((call) => [call.call, call]));
    return { ...state, calls: calls.slice(0, MOST_CALLS).map((call) => whole(call, known.get(call.call), now, skew)) };
  },
  call(state, call, { now, skew }) {
    if (state.calls.some((known) => known.call === call.call)) return changed(state, call.call, () => received(call, now, skew));
    const added = { ...received(call, now, skew), segments: [], shown: [], waiting: [], gaps: [] };
    return { ...state, chosen: null, calls: [added, ...state.calls].slice(0, MOST_CALLS) };
  },
  segment(state, segment) {
    return changed(state, segment.call, ({ segments }) => ({
      segments: [...segments.filter((known) => known.id !== segment.id), segment].slice(-MOST_SEGMENTS),
    }));
  },
  gap(state, gap) {
    return changed(state, gap.call, ({ gaps }) => ({ gaps: [...gaps, { ...gap, id: `${gap.kind}-${gap.t0_ms}` }].slice(-MOST_GAPS) }));
  },
  suggestion(state, suggestion) {
    const isShown = current(state)?.call === suggestion.call;
    return changed(state, suggestion.call, (call) => {
      if ([...call.shown, ...call.waiting].some((known) => known.id === suggestion.id)) return {};
      const next = { ...call, waiting: [suggestion, ...call.waiting].slice(0, MOST_SUGGESTIONS) };
      return isShown && call.shown.length && isReading(state, call) ? next : admitted(next);
    });
  },
  verdict(state, { call, suggestion, verdicts }) {
    const told = (list) => list.map((known) => (known.id === suggestion ? { ...known, verdicts } : known));
    const failed = new Set([...state.failed].filter((id) => id !== suggestion));
    return changed({ ...state, failed }, call, ({ shown, waiting }) => ({ shown: told(shown), waiting: told(waiting) }));
  },
  unsaved(state, { suggestion }) {
    return { ...state, failed: new Set([...state.failed, suggestion]) };
  },
  link(state, { type, ...link }) {
    return { ...state, link: { ...state.link, ...link } };
  },
  choose(state, { call }) {
    return letIn({ ...state, chosen: call, open: new Set() });
  },
  reading(state, { value }) {
    return letIn({ ...state, reading: value });
  },
  toggle(state, { suggestion }) {
    const open = new Set(state.open);
    if (!open.delete(suggestion)) open.add(suggestion);
    return letIn({ ...state, open });
  },
  newest(state) {
    const call = current(state);
    return call ? changed({ ...state, open: new Set() }, call.call, admitted) : state;
  },
  section(state, { key, ...section }) {
    return { ...state, sections: { ...state.sections, [key]: section } };
  },
  tick(state, _, { now }) {
    const calls = state.calls.filter((call) => call.forgetAt > now.mono);
    return calls.length === state.calls.length ? state : { ...state, calls };
  },
};

function reduce(state, message, context) {
  return REDUCERS[message.type](state, message, context);
}

/** The verdicts after one more; the opposite one is taken back by it. */
function judged(verdicts, verdict) {
  const opposite = { useful: 'not_useful', not_useful: 'useful' }[verdict];
  return [...verdicts.filter((each) => each !== opposite && each !== verdict), verdict];
}

/* ---- Words ---- */

const TEXTS = JSON.parse(document.getElementById('texts').textContent);

function t(key, values = {}) {
  return TEXTS[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (number) => String(number).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  return `${hours ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

const timeOfDay = (iso) => new Intl.DateTimeFormat(document.documentElement.lang, { hour: '2-digit', minute: '2-digit', hour12: false }).format(new Date(iso));
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
const place = (suggestion) => `${capital(suggestion.product || suggestion.doc)} ${suggestion.section}`;

/** Text in pieces: strings, and {mask} for what stands in for a masked detail. */
function pieces(text) {
  return text.split(/(<[A-Z_]+_\d+>)/).filter(Boolean).map((piece) => {
    const [, label, number] = piece.match(/^<([A-Z_]+)_(\d+)>$/) || [];
    if (!label) return piece;
    const name = TEXTS[`mask_${label}`] || t('masked');
    return { mask: NUMBERED.has(label) || number !== '1' ? `${name} ${number}` : name };
  });
}

/** A section's text around the quoted sentence. */
function around(text, quote) {
  const at = quote ? text.indexOf(quote) : -1;
  return at < 0 ? [text, '', ''] : [text.slice(0, at), quote, text.slice(at + quote.length)];
}

/* ---- The stream ---- */

/** Feeds bytes' text, calls `on(id, kind, data)` for each whole message (WHATWG HTML section 9.2.6). */
function messages(on) {
  let rest = '';
  return (text) => {
    const blocks = (rest + text).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = { id: '', event: '', data: '' };
      for (const line of block.split('\n')) {
        const [, name, value] = line.match(/^(id|event|data): ?(.*)$/) || [];
        if (name) fields[name] = value;
      }
      if (fields.event) on(fields.id, fields.event, fields.data);
    }
  };
}

const retryMs = (attempts) => Math.min(MOST_RETRY_MS, 1000 * 2 ** Math.min(attempts, 5)) * (0.75 + Math.random() / 2);
const isSignedOut = (response) => response.type === 'opaqueredirect' || response.status === 401;

/* ---- The page ---- */

const $ = (id) => document.getElementById(id);
const TOKEN = document.querySelector('meta[name=token]').content;
const EXTENSIONS = document.body.dataset.extensions;
const now = () => ({ mono: performance.now(), wall: Date.now() });

let state = START;
let skew = 0; // of the desk's clock to this one, ms
let lastId = '';
let cardsOf = null; // the call whose nodes are kept below
let follows = true; // whether the conversation is kept at its end
const cards = new Map();
const lines = new Map();

function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node && name !== 'form') node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Make `nodes` the children of `parent`, moving no node that is in place: focus and selection stay. */
function arrange(parent, nodes) {
  const kept = new Set(nodes);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  nodes.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] || null);
  });
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function dispatch(message) {
  const before = state;
  state = reduce(state, message, { now: now(), skew });
  if (state === before) return;
  render(before);
  sayAloud(before, message);
}

function say(text) {
  $('said-aloud').textContent = text;
}

/** Speaks of suggestions and of states, never of every word. */
function sayAloud(before, message) {
  const call = current(state);
  const was = call && before.calls.find((known) => known.call === call.call);
  if (message.type === 'suggestion' && call?.call === message.call) {
    say(t('new_suggestion', { what: `${place(message)}, ${message.title}` }));
    if (document.hidden || !document.hasFocus()) document.title = `● ${t('newer')} – ${t('title')}`;
  } else if (message.type === 'call' && !was && call) say(t('call_began', { extension: call.extension }));
  else if (was && was.advice !== call.advice) {
    if (call.advice === 'ended') say(t('call_ended'));
    else if (call.advice !== 'on') say(`${t('paused')}. ${t(`paused_${call.advice}`)}`);
  } else if (state.link.state !== before.link.state) say(t(state.link.state));
}

function render(before) {
  const call = current(state);
  if (state.link !== before.link) renderLink();
  if (state.calls !== before.calls || state.chosen !== before.chosen) renderCalls(call);
  renderCall(call);
  if (call) {
    renderSuggestions(call, before);
    renderConversation(call, current(before));
  }
}

function renderLink() {
  const { state: link, attempts } = state.link;
  const isTroubled = link === 'offline' || (link === 'reconnecting' && attempts > 1); // one hiccup is no banner
  $('connection').dataset.state = link;
  setText($('connection').firstElementChild, t(link));
  $('trouble').hidden = !isTroubled;
  $('trouble').dataset.state = link;
  setText($('trouble').querySelector('strong'), `${t(link)}.`);
  renderCountdown();
}

function renderCountdown() {
  const { retryAt, state: link } = state.link;
  const seconds = retryAt === null ? 0 : Math.ceil((retryAt - performance.now()) / 1000);
  const retry = seconds > 0 ? t('retry_in', { seconds }) : t('retrying');
  setText($('trouble').querySelector('span'), link === 'offline' || state.calls.length ? `${t('stale')} ${retry}` : retry);
}

function renderCalls(shown) {
  const nav = $('calls');
  nav.hidden = state.calls.length < 2;
  if (nav.hidden) return;
  arrange(nav, state.calls.map((call) => {
    const id = `tab-${call.call}`;
    const node = $(id) || h('button', { type: 'button', id, onclick: () => dispatch({ type: 'choose', call: call.call }) }, h('span'), h('span'));
    if (call === shown) node.setAttribute('aria-current', 'true');
    else node.removeAttribute('aria-current');
    node.dataset.state = call.ended_at ? 'ended' : 'running';
    setText(node.children[0], call.ended_at ? t('call_from', { time: timeOfDay(call.started_at) }) : t('call_running'));
    setText(node.children[1], EXTENSIONS.includes(',') ? call.extension : '');
    return node;
  }));
}

function renderCall(call) {
  for (const id of ['state', 'suggestions', 'conversation']) $(id).hidden = !call;
  $('nothing').hidden = Boolean(call) || state.link.state === 'connecting';
  setText($('nothing').children[0], t('no_calls'));
  setText($('nothing').children[1], EXTENSIONS ? t('no_calls_about', { extension: EXTENSIONS }) : t('no_extension'));
  document.body.dataset.call = !call ? 'none' : call.ended_at ? 'ended' : 'running';
  const reason = call && !['on', 'ended'].includes(call.advice) ? call.advice : null;
  $('pause').hidden = !reason;
  if (reason && !call.shown.length) $('suggestions').hidden = true;
  if (reason) {
    setText($('pause').children[0], t('paused'));
    setText($('pause').children[1], t(`paused_${reason}`));
  }
  if (!call) return;
  const region = $('state');
  if (!region.firstChild) {
    region.append(
      h('p', { className: 'timer' }, h('span', { className: 'unseen' }, t('duration')), h('span', { id: 'timer', role: 'timer' }), h('span', { id: 'ended' })),
      h('ul', {}, h('li', { id: 'recorded' }), h('li', { id: 'consent' })),
    );
  }
  const consent = { true: 'yes', false: 'no', null: 'open' }[call.consent];
  $('recorded').dataset.state = call.recorded ? (call.ended_at ? 'was' : 'yes') : 'no';
  setText($('recorded'), t(call.recorded ? (call.ended_at ? 'was_recorded' : 'recorded') : 'not_recorded'));
  $('consent').dataset.state = consent;
  setText($('consent'), t(`consent_${consent}`));
  setText($('ended'), call.ended_at ? t('call_ended_at', { time: timeOfDay(call.ended_at) }) : EXTENSIONS.includes(',') ? call.extension : '');
  renderTimer();
}

function renderTimer() {
  const call = current(state);
  if (call && $('timer')) setText($('timer'), clock(call.ended_at ? call.elapsed_ms : performance.now() - call.beganAt));
}

/* Suggestions */

function card(suggestion) {
  const act = (verdict) => () => judge(suggestion, verdict);
  const button = (verdict, key) =>
    h('button', { type: 'button', 'data-verdict': verdict, 'aria-keyshortcuts': key, title: key.replace('+', ' '), onclick: act(verdict) }, t(verdict));
  const id = `section-${suggestion.id}`;
  return h('article', { className: 'card', 'data-suggestion': suggestion.id },
    h('h3', {},
      h('button', { type: 'button', className: 'opener', 'aria-controls': id, 'aria-keyshortcuts': 'Alt+1', onclick: () => toggle(suggestion) },
        h('span', { className: 'place' }, place(suggestion)),
        h('span', { className: 'name' }, suggestion.title),
        h('span', { className: 'more' }, h('span')))),
    h('blockquote', { className: 'quote', hidden: !suggestion.quote }, suggestion.quote),
    h('div', { className: 'section', id, hidden: true }),
    h('div', { className: 'verdicts', role: 'group', 'aria-label': t('assess') }, button('useful', 'Alt+2'), button('not_useful', 'Alt+3'), button('said', 'Alt+4')),
    h('p', { className: 'unsaved', hidden: true, role: 'alert' }),
    h('p', { className: 'note', hidden: suggestion.engine !== 'fallback' }, t('by_fallback')));
}

function update(node, suggestion) {
  const isOpen = state.open.has(suggestion.id);
  const found = state.sections[sectionKey(suggestion)];
  node.classList.toggle('open', isOpen);
  const opener = node.querySelector('.opener');
  opener.setAttribute('aria-expanded', String(isOpen));
  setText(opener.querySelector('.more span'), t(isOpen ? 'hide_section' : 'show_section'));
  const section = node.querySelector('.section');
  section.hidden = !isOpen;
  if (isOpen && found && section.dataset.state !== found.state) {
    section.dataset.state = found.state;
    section.replaceChildren(...sectionNodes(found, suggestion));
  }
  node.querySelector('.quote').hidden = !suggestion.quote || (isOpen && found?.state === 'here');
  for (const button of node.querySelectorAll('[data-verdict]')) {
    button.setAttribute('aria-pressed', String(suggestion.verdicts.includes(button.dataset.verdict)));
  }
  const isUnsaved = state.failed.has(suggestion.id);
  node.querySelector('.unsaved').hidden = !isUnsaved;
  setText(node.querySelector('.unsaved'), isUnsaved ? t('not_saved') : '');
  return node;
}

function sectionNodes({ state: found, section }, suggestion) {
  if (found !== 'here') return [h('p', { className: 'note' }, t(found === 'loading' ? 'section_loading' : 'section_failed'))];
  const paragraphs = section.text.split(/\n{2,}/).map((paragraph) => {
    const [before, quote, after] = around(paragraph, suggestion.quote);
    return h('p', {}, before, ...(quote ? [h('mark', {}, quote)] : []), after);
  });
  return section.version ? [...paragraphs, h('p', { className: 'note' }, t('section_version', { version: section.version }))] : paragraphs;
}

function renderSuggestions(call, before) {
  if (call.call !== cardsOf) {
    cards.clear();
    lines.clear();
    $('featured').replaceChildren();
    $('earlier').replaceChildren();
    $('text').replaceChildren();
    cardsOf = call.call;
  }
  const isNew = current(before)?.call === call.call;
  const nodes = call.shown.map((suggestion) => {
    if (!cards.has(suggestion.id)) {
      cards.set(suggestion.id, card(suggestion));
      if (isNew) cards.get(suggestion.id).classList.add('fresh');
    }
    return update(cards.get(suggestion.id), suggestion);
  });
  for (const id of [...cards.keys()]) if (!call.shown.some((suggestion) => suggestion.id === id)) cards.delete(id);
  if (!nodes.length) {
    const text = t(call.ended_at ? 'no_suggestions_ended' : 'no_suggestions');
    if ($('featured').textContent !== text) $('featured').replaceChildren(h('p', { className: 'empty' }, text));
  } else arrange($('featured'), nodes.slice(0, 1));
  arrange($('earlier'), nodes.slice(1));
  $('earlier-title').hidden = nodes.length < 2;
  const newest = $('newest');
  newest.hidden = !call.waiting.length;
  if (call.waiting.length) {
    const [first, ...others] = call.waiting;
    setText(newest, `${others.length ? t('newer_many', { count: others.length + 1 }) : t('newer')}: ${place(first)} ${first.title}`);
  }
}

function toggle(suggestion) {
  dispatch({ type: 'toggle', suggestion: suggestion.id });
  if (!state.open.has(suggestion.id)) return;
  const key = sectionKey(suggestion);
  if (state.sections[key]?.state !== 'here') fetchSection(suggestion, key);
  if (!suggestion.verdicts.includes('opened')) judge(suggestion, 'opened');
}

async function fetchSection(suggestion, key) {
  dispatch({ type: 'section', key, state: 'loading' });
  const address = `/section/${encodeURIComponent(suggestion.doc)}/${encodeURIComponent(suggestion.section)}?call=${encodeURIComponent(suggestion.call)}`;
  try {
    const response = await fetch(address, { redirect: 'manual' });
    if (isSignedOut(response)) return leave();
    if (!response.ok) throw new Error(String(response.status));
    dispatch({ type: 'section', key, state: 'here', section: await response.json() });
  } catch {
    dispatch({ type: 'section', key, state: 'failed' });
  }
}

async function judge(suggestion, verdict) {
  const known = current(state)?.shown.find((each) => each.id === suggestion.id); // what the card was made of may be older
  if (!known || known.verdicts.includes(verdict)) return;
  dispatch({ type: 'verdict', call: known.call, suggestion: known.id, verdicts: judged(known.verdicts, verdict) });
  try {
    const response = await fetch('/feedback', {
      method: 'POST',
      redirect: 'manual',
      headers: { 'Content-Type': 'application/json', 'X-Token': TOKEN },
      body: JSON.stringify({ suggestion: known.id, verdict }),
    });
    if (isSignedOut(response)) return leave();
    if (!response.ok) throw new Error(String(response.status));
  } catch {
    dispatch({ type: 'verdict', call: known.call, suggestion: known.id, verdicts: known.verdicts });
    if (verdict !== 'opened') dispatch({ type: 'unsaved', suggestion: known.id });
  }
}

/* Conversation */

function line(segment) {
  const words = pieces(segment.text).map((piece) => (piece.mask ? h('span', { className: 'mask' }, piece.mask) : piece));
  return h('p', { className: segment.channel }, h('span', { className: 'who' }, t(segment.channel), h('time', {}, clock(segment.t0_ms))), ' ', h('span', {}, ...words));
}

function gapLine(gap) {
  const seconds = Math.round((gap.t1_ms - gap.t0_ms) / 1000);
  return h('p', { className: 'gap' }, t(`gap_${gap.kind}`, { seconds }));
}

const isWorthSaying = (gap) => TEXTS[`gap_${gap.kind}`] && (gap.kind !== 'silence' || gap.t1_ms - gap.t0_ms >= SILENCE_WORTH_SAYING_MS);

function isAtEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 24;
}

function renderConversation(call, before) {
  if (before && before.call === call.call && before.segments === call.segments && before.gaps === call.gaps && lines.size) return;
  const box = $('text');
  if (before?.call !== call.call) follows = true;
  const entries = [...call.segments, ...call.gaps.filter(isWorthSaying)].sort((one, other) => one.t0_ms - other.t0_ms); // what was held back comes in where it was said
  let speaker = null;
  const nodes = entries.map((entry) => {
    if (!lines.has(entry.id)) lines.set(entry.id, entry.kind ? gapLine(entry) : line(entry));
    const node = lines.get(entry.id);
    node.classList.toggle('goes-on', !entry.kind && entry.channel === speaker);
    speaker = entry.kind ? null : entry.channel;
    return node;
  });
  const kept = new Set(entries.map((entry) => entry.id));
  for (const id of [...lines.keys()]) if (!kept.has(id)) lines.delete(id);
  if (nodes.length) arrange(box, nodes);
  else if (!box.firstChild) box.append(h('p', { className: 'empty' }, t('no_text')));
  $('to-end').hidden = follows;
  keepAtEnd();
}

function keepAtEnd() {
  if (follows) $('text').scrollTop = $('text').scrollHeight;
}

function toEnd() {
  follows = true;
  $('to-end').hidden = true;
  keepAtEnd();
}

function watchScrolling() {
  const box = $('text');
  let lastTop = 0;
  box.addEventListener('scroll', () => {
    if (isAtEnd(box)) follows = true;
    else if (box.scrollTop < lastTop) follows = false; // by hand; a box that shrinks moves nothing up
    lastTop = box.scrollTop;
    if (follows) $('to-end').hidden = true;
  }, { passive: true });
  new ResizeObserver(keepAtEnd).observe(box);
}

/* Connection */

function leave() {
  location.assign('/login');
}

let hurry = () => {};

const pause = (ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  hurry = () => { clearTimeout(timer); resolve(); };
});

async function listenOnce() {
  const abort = new AbortController();
  let watchdog = setTimeout(() => abort.abort(), DEAD_MS);
  try {
    const headers = { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) };
    const response = await fetch('/events', { headers, cache: 'no-store', redirect: 'manual', signal: abort.signal });
    if (isSignedOut(response)) return leave();
    if (!response.ok) throw new Error(String(response.status));
    skew = (Date.parse(response.headers.get('Date')) || Date.now()) - Date.now();
    dispatch({ type: 'link', state: 'connected', attempts: 0, retryAt: null });
    const feed = messages(receive);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), DEAD_MS);
      feed(value);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

function receive(id, kind, data) {
  lastId = id || lastId;
  if (kind === 'signed_out') return leave();
  if (!['snapshot', 'call', 'segment', 'gap', 'suggestion', 'verdict'].includes(kind)) return;
  try {
    dispatch({ ...JSON.parse(data), type: kind });
  } catch (error) {
    reportError(error); // ours to mend; what comes next is still shown
  }
}

async function listen() {
  for (;;) {
    await listenOnce().catch(() => {});
    const attempts = state.link.attempts + 1;
    const wait = retryMs(attempts - 1);
    const link = attempts > OFFLINE_AFTER || !navigator.onLine ? 'offline' : 'reconnecting';
    dispatch({ type: 'link', state: link, attempts, retryAt: performance.now() + wait });
    await pause(wait);
    dispatch({ type: 'link', retryAt: null });
  }
}

/* Hands */

function watchReading() {
  const region = $('suggestions');
  let lastMove = -Infinity;
  let isInside = false;
  const moved = () => { isInside = true; lastMove = performance.now(); look(); };
  const look = () => {
    const idle = performance.now() - lastMove;
    const isFocused = Boolean(region.querySelector('.card :focus-visible'));
    const value = isFocused || (isInside ? idle < READING_MS : idle < GRACE_MS);
    if (value !== state.reading) dispatch({ type: 'reading', value });
  };
  for (const kind of ['pointerenter', 'pointermove', 'wheel']) region.addEventListener(kind, moved, { passive: true });
  region.addEventListener('pointerleave', () => { isInside = false; lastMove = performance.now(); setTimeout(look, GRACE_MS + 50); });
  region.addEventListener('focusin', look);
  region.addEventListener('focusout', () => setTimeout(look, GRACE_MS));
  return look;
}

function nextCall() {
  const at = state.calls.indexOf(current(state));
  if (state.calls.length > 1) dispatch({ type: 'choose', call: state.calls[(at + 1) % state.calls.length].call });
}

function onSuggestion(act) {
  return () => {
    const focused = document.activeElement?.closest('[data-suggestion]')?.dataset.suggestion;
    const suggestion = current(state)?.shown.find((each) => String(each.id) === focused) || addressed(state);
    if (suggestion) act(suggestion);
  };
}

function openHelp() {
  $('menu').open = false;
  if (!$('help').open) $('help').showModal();
}

const SHORTCUTS = {
  Digit1: onSuggestion(toggle),
  Digit2: onSuggestion((suggestion) => judge(suggestion, 'useful')),
  Digit3: onSuggestion((suggestion) => judge(suggestion, 'not_useful')),
  Digit4: onSuggestion((suggestion) => judge(suggestion, 'said')),
  Digit5: () => dispatch({ type: 'newest' }),
  Digit6: nextCall,
  Digit7: toEnd,
  Digit0: openHelp,
};

function onKey(event) {
  if (event.key === 'Escape' && $('menu').open) {
    $('menu').open = false;
    $('menu').querySelector('summary').focus();
  }
  const isTyping = event.target.matches?.('input:not([type=checkbox]), textarea, select, [contenteditable]');
  const isPlainAlt = event.altKey && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  const act = SHORTCUTS[event.code];
  if (!isPlainAlt || !act || isTyping || event.repeat || !$('use-shortcuts').checked || $('help').open) return;
  event.preventDefault();
  act();
}

function begin() {
  const look = watchReading();
  const storage = 'tavs-shortcuts';
  $('use-shortcuts').checked = localStorage.getItem(storage) !== 'off';
  $('use-shortcuts').addEventListener('change', (event) => localStorage.setItem(storage, event.target.checked ? 'on' : 'off'));
  $('open-help').addEventListener('click', openHelp);
  $('newest').addEventListener('click', () => dispatch({ type: 'newest' }));
  $('to-end').addEventListener('click', toEnd);
  watchScrolling();
  $('trouble').querySelector('button').addEventListener('click', () => hurry());
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', (event) => { if (!$('menu').contains(event.target)) $('menu').open = false; });
  window.addEventListener('focus', () => { document.title = t('title'); });
  window.addEventListener('online', () => hurry());
  setInterval(() => { renderTimer(); renderCountdown(); look(); dispatch({ type: 'tick' }); }, 1000);
  listen();
}

begin();
