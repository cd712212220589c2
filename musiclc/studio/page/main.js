// The page: what is shown, what is asked for, and undo. Text from files reaches it by textContent alone.
import { get, listen, midi, open, post } from './api.js';
import { Dials } from './dials.js';
import { bindKeys } from './keys.js';
import { Player } from './player.js';
import { Roll } from './roll.js';
import { Takes } from './takes.js';

const $ = (id) => document.getElementById(id);
const root = document.documentElement;

// What undo goes back to.
let doc = { take: null, goals: [], sel: null, locks: [], line: null, rhythm: null, track: 'auto', bars: '16', form: '', meter: '4/4' };
let sheet = null, before = null, dials = null, lastVerb = 'sample', bpm = 120;
const jobs = new Map();

const player = new Player(() => playing());
const roll = new Roll($('roll'), {
  select: (first, last, done) => { doc.sel = [first, last]; selected(); if (done) { announce(`bars ${barText()} selected`); commit(); } },
  seek: (seconds, bar) => { roll.cursor = bar; player.seek(seconds); roll.frame(player.position); },
  draw: (line) => { doc.line = line; doc.sel = [line.first, line.last]; drawn(); selected(); announce(`a line over bars ${barText()}; Fill it writes them`); commit(); },
  tap: (step, on) => tap(step, on),
  zoom: (zoom) => { $('zoom').value = zoom; zoomed(); },
  scrolled: () => { $('scroll').value = roll.scroll / Math.max(roll.seconds - roll.span, 0.01); },
});
const takes = new Takes($('takes'), (number) => show(number, true));

// ---- saying things

function announce(text) { $('status').textContent = text; }
function trouble(error) { $('trouble').textContent = error ? String(error.message ?? error) : ''; }
const barText = (sel = doc.sel) => (sel ? (sel[0] === sel[1] ? `${sel[0] + 1}` : `${sel[0] + 1}..${sel[1] + 1}`) : '');

// ---- undo

let committing = Promise.resolve();
function commit() {
  const state = structuredClone(doc);
  committing = committing.then(() => post('history', { do: state })).then(stepped).catch(trouble);
  return committing;
}

function stepped(told) {
  $('undo').disabled = !told.undo;
  $('redo').disabled = !told.redo;
  return told;
}

async function travel(way) {
  await committing;
  const told = stepped(await post('history', { [way]: true }));
  if (told.now) await restore(told.now);
  announce(way === 'undo' ? 'undone' : 'redone');
}

async function restore(state) {
  doc = structuredClone(state);
  for (const name of ['bars', 'form', 'meter']) $(name).value = doc[name];
  goalsShown();
  if (doc.take !== null && takes.all.has(doc.take)) await display(doc.take);
  selected();
  drawn();
}

// ---- takes

async function show(number, byHand = false) {
  if (number === null || number === undefined || !takes.all.has(number)) return;
  if (doc.take !== number) { before = doc.take; doc.take = number; }
  await display(number);
  if (byHand) announce(`${takes.all.get(number).name.split('/').at(-1)} shown`);
  await commit();
}

async function display(number) {
  const take = takes.all.get(number);
  const found = await takes.sheet(number, take.verb === 'open' || doc.track === 'auto' ? doc.track : 'auto').catch(() => takes.sheet(number));
  if (doc.take !== number) return;
  sheet = found;
  $('empty').hidden = true;
  $('stage-name').textContent = take.name.split('/').at(-1);
  $('stage-name').title = take.name;
  const said = [sheet.key && sheet.key !== 'none' ? `heard in ${sheet.key}` : '', sheet.meter, `${sheet.bars.length - 1} bars`, take.realism === undefined ? '' : `realism ${take.realism.toFixed(2)}`];
  $('about').textContent = said.filter(Boolean).join(' · ');
  roll.fresh = freshBars(take);
  roll.show(sheet);
  player.load(sheet);
  if (sheet.bpm && sheet.bpm !== bpm) { bpm = sheet.bpm; $('tempo').value = Math.round(bpm); player.setRate(1); }
  const bars = sheet.bars.length - 1;
  if (doc.sel && doc.sel[0] >= bars) doc.sel = null;
  takes.current(number);
  $('export').href = midi(number);
  $('export').download = `take-${number}.mid`;
  trouble(sheet.trouble);
  choices();
  others();
  selected();
  enabled();
  measure(number);
}

// The bars that a command wrote anew, from 0.
function freshBars(take) {
  const found = new Set();
  if (['infill', 'continue', 'bridge', 'transform'].includes(take.verb) && typeof take.bars === 'string') {
    for (const part of take.bars.matchAll(/(\d+)(?:\.\.(\d+))?/g)) for (let bar = +part[1]; bar <= +(part[2] ?? part[1]); bar++) found.add(bar - 1);
  }
  return found;
}

async function measure(number) {
  const found = await get(`takes/${number}/measures?track=${encodeURIComponent(doc.track)}`).catch(() => []);
  if (doc.take !== number) return;
  dials?.measure(Object.fromEntries(found.map((v) => [v.rule, v.heard ?? v.value])), takes.all.get(number)?.verdicts ?? []);
}

function choices() {
  const list = sheet.choices || [];
  $('track-label').hidden = list.length < 2;
  $('track').replaceChildren(...list.map((t) => Object.assign(document.createElement('option'), { value: String(t.index), textContent: `${t.index} ${t.name || 'track'}` })));
  $('track').value = String(sheet.track ?? '');
}

function others() {
  const rest = [...takes.all.values()].filter((t) => t.take !== doc.take), kept = $('other').value;
  $('other').replaceChildren(...rest.map((t) => Object.assign(document.createElement('option'), { value: String(t.take), textContent: t.name.split('/').at(-1) })));
  if (rest.some((t) => String(t.take) === kept)) $('other').value = kept;
  else if (before !== null) $('other').value = String(before);
  $('bridge').disabled = !rest.length || doc.take === null;
}

function enabled() {
  const has = doc.take !== null;
  for (const id of ['continue', 'vary', 'transform', 'infill', 'lock', 'pencil', 'taps', 'play', 'stop', 'loop']) $(id).disabled = !has;
  $('vary').disabled = !has || doc.locks.length > 0;
  $('vary').title = doc.locks.length ? 'A variation is of the whole; unlock all bars first, or regenerate' : 'A variation of the whole (V)';
  $('copy').disabled = !has;
  $('export').setAttribute('aria-disabled', String(!has));
  $('ab').disabled = before === null;
}

// ---- selection and locks

function selected() {
  roll.selection = doc.sel;
  roll.locks = new Set(doc.locks);
  const left = runs().join(', ');
  $('selection').textContent = doc.sel ? `bars ${barText()}${doc.locks.length && left !== barText() ? `, unlocked: ${left || 'none'}` : ''}` : doc.locks.length ? `all but ${doc.locks.length} locked` : 'none selected';
  $('scope-name').textContent = doc.sel ? `bars ${barText()}` : 'selection';
  $('scope-part').disabled = !doc.sel;
  if (!doc.sel && $('scope-part').checked) $('scope-whole').checked = true;
  $('lock').textContent = doc.sel && doc.locks.includes(doc.sel[0]) ? 'Unlock bars' : 'Lock bars';
  if (player.playing || $('loop').getAttribute('aria-pressed') === 'true') looped();
  goalsShown();
  enabled();
  roll.draw();
}

// The runs of bars that may change, as the library counts them: the selection, or all, less what is locked.
function runs(sel = doc.sel) {
  if (!sheet) return [];
  const [first, last] = sel ?? [0, sheet.bars.length - 2], found = [];
  let begun = null;
  for (let bar = first; bar <= last + 1; bar++) {
    const free = bar <= last && !doc.locks.includes(bar);
    if (free && begun === null) begun = bar;
    if (!free && begun !== null) { found.push(barText([begun, bar - 1])); begun = null; }
  }
  return found;
}

function lock() {
  if (!sheet) return;
  const [first, last] = doc.sel ?? [roll.cursor, roll.cursor], bars = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const off = doc.locks.includes(first);
  doc.locks = off ? doc.locks.filter((bar) => !bars.includes(bar)) : [...new Set([...doc.locks, ...bars])].sort((a, b) => a - b);
  announce(`bars ${barText([first, last])} ${off ? 'unlocked' : 'locked'}`);
  selected();
  commit();
}

function clear() {
  if (doc.line || doc.rhythm) { doc.line = doc.rhythm = null; drawn(); roll.draw(); announce('drawing cleared'); } else if (doc.sel) { doc.sel = null; selected(); announce('selection cleared'); } else return;
  commit();
}

function step(way, more) {
  if (!sheet) return;
  const bars = sheet.bars.length - 1, to = Math.max(0, Math.min(bars - 1, roll.cursor + way));
  if (more) {
    const anchor = doc.sel ? (doc.sel[0] === roll.cursor && doc.sel[1] !== roll.cursor ? doc.sel[1] : doc.sel[0]) : roll.cursor;
    doc.sel = [Math.min(anchor, to), Math.max(anchor, to)];
  }
  roll.cursor = to;
  if (more) { selected(); announce(`bars ${barText()} selected`); clearTimeout(step.timer); step.timer = setTimeout(commit, 400); }
  else { player.seek(sheet.bars[to]); announce(`bar ${to + 1}`); }
  if (sheet.bars[to] < roll.scroll || sheet.bars[to + 1] > roll.scroll + roll.span) roll.scrollTo(sheet.bars[to]);
  roll.frame(player.position);
}

// ---- drawing

function drawn() {
  roll.line = doc.line;
  roll.rhythm = doc.rhythm ? { steps: new Set(doc.rhythm) } : null;
  $('line').value = doc.line ? doc.line.points.join(' ') : '';
  $('rhythm').value = rhythmText();
  $('drawn').hidden = !roll.mode && !doc.line && !doc.rhythm;
  $('fill').disabled = !doc.line && !doc.rhythm;
}

function rhythmText() {
  if (!doc.rhythm || !doc.sel) return '';
  const [from, to] = [doc.sel[0] * roll.steps, (doc.sel[1] + 1) * roll.steps], on = new Set(doc.rhythm);
  return Array.from({ length: to - from }, (_, i) => (on.has(from + i) ? 'x' : '.')).join('');
}

function tap(stepNumber, on) {
  const bar = Math.floor(stepNumber / roll.steps), found = new Set(doc.rhythm ?? []);
  if (!doc.sel || bar < doc.sel[0] || bar > doc.sel[1]) { doc.sel = doc.sel ? [Math.min(doc.sel[0], bar), Math.max(doc.sel[1], bar)] : [bar, bar]; selected(); }
  if (on) found.add(stepNumber); else found.delete(stepNumber);
  doc.rhythm = found.size ? [...found].sort((a, b) => a - b) : null;
  drawn();
  roll.draw();
  clearTimeout(tap.timer);
  tap.timer = setTimeout(commit, 400);
}

function mode(wanted) {
  roll.mode = roll.mode === wanted ? '' : wanted;
  $('pencil').setAttribute('aria-pressed', String(roll.mode === 'line'));
  $('taps').setAttribute('aria-pressed', String(roll.mode === 'rhythm'));
  if (roll.mode && !doc.sel && sheet) { doc.sel = [roll.cursor, Math.min(roll.cursor + 3, sheet.bars.length - 2)]; selected(); }
  drawn();
  roll.draw();
  announce(roll.mode === 'line' ? 'draw a line over the bars that shall follow it, or type its pitches' : roll.mode ? 'tap sixteenths in the lane below the roll, or type them' : '');
}

function typedLine() {
  const points = $('line').value.trim().split(/[\s,]+/).map(Number).filter((n) => n >= 21 && n <= 108);
  doc.line = points.length > 1 ? { first: doc.sel?.[0] ?? 0, last: doc.sel?.[1] ?? 0, points } : null;
  drawn();
  roll.draw();
  commit();
}

function typedRhythm() {
  const marks = [...$('rhythm').value.replace(/[|\s]/g, '')], from = (doc.sel?.[0] ?? roll.cursor) * roll.steps;
  if (!doc.sel) doc.sel = [roll.cursor, roll.cursor];
  const steps = marks.length ? Array.from({ length: (doc.sel[1] + 1) * roll.steps - from }, (_, i) => i).filter((i) => marks[i % marks.length].toLowerCase() === 'x') : [];
  doc.rhythm = steps.length ? steps.map((i) => from + i) : null;
  drawn();
  selected();
  commit();
}

// ---- goals

const scope = () => ($('scope-part').checked && doc.sel ? barText() : '');

function ask(rule, goal) {
  const where = scope(), rest = doc.goals.filter((g) => g.rule !== rule || g.where !== where);
  if (!goal) return asked(rest);
  return post('check', { rule, goal }).then((told) => (told.wrong ? dials.trouble(rule, told.wrong) : asked([...rest, { rule, goal, where }]))).catch(trouble);
}

function asked(goals) {
  doc.goals = goals;
  goalsShown();
  commit();
  prepare();
}

function goalsShown() {
  const where = scope();
  dials?.show(Object.fromEntries(doc.goals.filter((g) => g.where === where).map((g) => [g.rule, g.goal])));
  $('asked').replaceChildren(...doc.goals.map((goal) => {
    const item = document.createElement('li'), button = document.createElement('button');
    button.type = 'button';
    button.textContent = `${goal.where ? `${goal.where}: ` : ''}${goal.rule} ${goal.goal} ×`;
    button.setAttribute('aria-label', `Remove goal ${goal.rule} ${goal.goal}${goal.where ? ` of bars ${goal.where}` : ''}`);
    button.addEventListener('click', () => asked(doc.goals.filter((other) => other !== goal)));
    item.append(button);
    return item;
  }));
  $('no-goals').disabled = !doc.goals.length;
}

// ---- verbs

function request(verb) {
  const track = doc.track === 'auto' ? {} : { track: doc.track }, here = barText(), whole = doc.goals.filter((g) => !g.where);
  const own = [...whole.filter((g) => !doc.goals.some((o) => o.rule === g.rule && o.where && o.where === here)), ...doc.goals.filter((g) => g.where && g.where === here).map((g) => ({ ...g, where: '' }))];
  const seed = $('seed').value === '' ? null : Number($('seed').value), from = doc.take === null ? [] : [doc.take];
  switch (verb) {
    case 'sample': {
      const form = $('form').value.trim();
      return { verb, takes: [], goals: doc.goals, seed, options: { ...(form ? { form } : { bars: Number($('bars').value) }), ...($('meter').value === '4/4' ? {} : { meter: $('meter').value }) } };
    }
    case 'infill': return { verb, takes: from, goals: own, seed, options: track, runs: runs() };
    case 'fill': {
      const drawnGoals = [...(doc.line ? [{ rule: 'outline', goal: doc.line.points.join(' '), where: '' }] : []), ...(doc.rhythm ? [{ rule: 'onsets', goal: rhythmText(), where: '' }] : [])];
      return { verb: 'infill', takes: from, goals: [...own, ...drawnGoals], seed, options: track, runs: [barText()] };
    }
    case 'continue': return { verb, takes: from, goals: whole, seed, options: { ...track, bars: Number($('more').value), ...($('before').checked ? { before: true } : {}) } };
    case 'bridge': return { verb, takes: [...from, Number($('other').value)], goals: whole, seed, options: { bars: Number($('more').value) } };
    case 'vary': return { verb, takes: from, goals: whole, seed, options: { ...track, keep: Number($('keep').value) } };
    case 'transform': return { verb, takes: from, goals: own, seed, options: { ...track, keep: Number($('keep').value), ...($('all').checked ? { tracks: 'all' } : {}) }, runs: doc.sel || doc.locks.length ? runs() : [] };
    default: throw new Error(verb);
  }
}

async function make(verb) {
  trouble('');
  if (verb !== 'sample' && doc.take === null) return trouble('open or write a tune first');
  if (verb === 'transform' && !doc.goals.length) return trouble('transform: wanted a goal; turn a dial first');
  if (verb === 'infill' && !doc.sel && !doc.locks.length) return trouble('regenerate: wanted some bars; select them in the roll, or lock those that shall stay');
  if (verb === 'fill' && !doc.line && !doc.rhythm) return trouble('fill: wanted a line or a rhythm; draw one first');
  lastVerb = verb;
  const waiting = working({ job: `new ${Date.now()}`, verb: verb === 'fill' ? 'infill' : verb, state: 'waiting', share: 0, seconds: 0 });
  announce(`${verb === 'sample' ? 'writing' : verb} …`);
  try {
    const told = await post('make', request(verb));
    waiting.row.remove();
    mine.add(told.job);
    await worked(early.get(told.job) ?? told);
    early.delete(told.job);
  } catch (error) {
    waiting.row.remove();
    trouble(error);
    announce('');
  }
}

const mine = new Set(); // jobs that this page asked for, whose takes it shows

function working(job) {
  const row = document.createElement('div'), bar = document.createElement('progress'), text = document.createElement('span'), stop = document.createElement('button');
  row.className = 'job';
  bar.max = 1;
  stop.type = 'button';
  stop.textContent = 'Stop';
  stop.setAttribute('aria-label', `Stop ${job.verb}`);
  stop.addEventListener('click', () => { stop.disabled = true; post('stop', { job: job.job }).catch(trouble); });
  row.append(text, bar, stop);
  $('jobs').append(row);
  const made = { row, bar, text, began: performance.now() - job.seconds * 1000 };
  tellJob(made, job);
  return made;
}

function tellJob(made, job) {
  made.text.textContent = `${job.verb} ${job.state === 'waiting' ? 'waits' : ''} ${Math.round((performance.now() - made.began) / 1000)} s`;
  made.bar.setAttribute('aria-label', `${job.verb}, ${Math.round(job.share * 100)} percent`);
  if (job.share > 0) made.bar.value = job.share; else made.bar.removeAttribute('value');
}

async function worked(job) {
  const there = jobs.get(job.job);
  if (job.state === 'waiting' || job.state === 'working') {
    if (ended.has(job.job) && !early.has(job.job)) return;
    if (there) tellJob(there, job); else jobs.set(job.job, working(job));
    return;
  }
  ended.add(job.job);
  there?.row.remove();
  jobs.delete(job.job);
  if (!mine.has(job.job)) { early.set(job.job, job); return; }
  mine.delete(job.job);
  if (job.state === 'failed') trouble(job.error);
  announce(job.state === 'done' ? `take ${job.take}: ${job.verb}, after ${job.seconds.toFixed(1)} s` : job.state === 'stopped' ? `${job.verb} stopped` : '');
  if (job.take !== null) {
    if (!takes.all.has(job.take)) await new Promise((resolve) => { arrivals.set(job.take, resolve); setTimeout(resolve, 3000); });
    await show(job.take);
    if (autoplay && !player.playing) player.start(doc.sel && ['infill'].includes(job.verb) ? sheet.bars[doc.sel[0]] : 0);
  }
}
const ended = new Set(), early = new Map(), arrivals = new Map();
const autoplay = true;

let preparing = 0;
function prepare() {
  clearTimeout(preparing);
  preparing = setTimeout(() => { if (lastVerb === 'sample') post('ahead', request('sample')).catch(() => {}); }, 700);
}

// ---- playing

function playing() {
  $('play').setAttribute('aria-pressed', String(player.playing));
  $('play').textContent = player.playing ? '❚❚ Pause' : '▶ Play';
  if (player.playing && !ticking) { ticking = true; requestAnimationFrame(tick); }
  roll.frame(player.position);
  clock();
}

const frames = []; // milliseconds of the last frames while playing, for those who measure
let ticking = false;
function tick(now) {
  ticking = player.playing;
  if (!ticking) return;
  frames.push(now);
  if (frames.length > 600) frames.shift();
  roll.frame(player.position, true);
  clock();
  requestAnimationFrame(tick);
}

function clock() {
  if (!sheet) return;
  const at = player.position, bar = roll.barAt(at), [from, to] = [sheet.bars[bar], sheet.bars[bar + 1] ?? sheet.seconds];
  const text = `${bar + 1}.${1 + Math.min(Math.floor(((at - from) / Math.max(to - from, 0.01)) * (roll.steps / 4)), 31)}`;
  if ($('clock').textContent !== text) $('clock').textContent = text;
}

function looped() {
  const on = $('loop').getAttribute('aria-pressed') === 'true';
  player.setLoop(on && sheet ? (doc.sel ? [sheet.bars[doc.sel[0]], sheet.bars[doc.sel[1] + 1]] : [0, sheet.bars.at(-1)]) : null);
}

function toggle() {
  if (player.playing) return player.pause();
  $('play').setAttribute('aria-pressed', 'true'); // seen at once: the first sound needs a synthesizer made
  return setTimeout(() => { if (player.notes.length) player.start(); else playing(); });
}
function toggleLoop() {
  $('loop').setAttribute('aria-pressed', String($('loop').getAttribute('aria-pressed') !== 'true'));
  looped();
}

// ---- files

async function opened(file) {
  trouble('');
  announce(`opening ${file.name} …`);
  try {
    const take = await open(file);
    takes.put(take, true);
    doc.sel = null;
    doc.locks = [];
    doc.line = doc.rhythm = null;
    doc.track = 'auto';
    lastVerb = 'open';
    await show(take.take);
    drawn();
    announce(`${take.name} opened`);
  } catch (error) {
    trouble(error);
    announce('');
  }
}

async function copied() {
  const take = takes.all.get(doc.take);
  if (!take) return;
  const text = take.command || '# a file that was opened: nothing to make';
  $('command-text').value = text;
  $('command-said').textContent = 'Select and copy it.';
  $('command').showModal();
  try {
    await navigator.clipboard.writeText(text);
    $('command-said').textContent = 'Copied. Files that were dropped in are meant to lie in the current folder.';
  } catch { $('command-text').select(); }
}

// ---- bindings

function zoomed() {
  const middle = roll.scroll + roll.span / 2;
  roll.zoom = Number($('zoom').value);
  $('scroll').hidden = roll.span >= roll.seconds - 0.01;
  roll.scrollTo(middle - roll.span / 2);
}

const click = (id, act) => $(id).addEventListener('click', (event) => { act(event); if (event.detail > 0 && !['keys', 'command'].some((d) => $(d).open)) $('roll').focus({ preventScroll: true }); });
const swap = () => { if (before !== null) show(before, true); };
const goTo = (way) => show(takes.beside(doc.take, way), true);
const theme = (wanted) => { root.dataset.theme = wanted; roll.draw(); takes.repaint(); };

function bind() {
  addEventListener('pointerdown', () => setTimeout(() => player.synth), { once: true });
  for (const verb of ['infill', 'continue', 'bridge', 'vary', 'transform', 'fill']) click(verb, () => make(verb));
  click('write', () => make('sample'));
  click('play', toggle);
  click('stop', () => player.stop());
  click('loop', toggleLoop);
  click('undo', () => travel('undo'));
  click('redo', () => travel('redo'));
  click('lock', lock);
  click('pencil', () => mode('line'));
  click('taps', () => mode('rhythm'));
  click('erase', () => { doc.line = doc.rhythm = null; drawn(); roll.draw(); commit(); });
  click('ab', swap);
  click('copy', copied);
  click('no-goals', () => asked([]));
  click('theme', () => theme(root.dataset.theme === 'dark' ? 'light' : 'dark'));
  click('help', () => $('keys').showModal());
  click('open', () => $('file').click());
  $('file').addEventListener('change', () => { if ($('file').files[0]) opened($('file').files[0]); $('file').value = ''; });
  $('line').addEventListener('change', typedLine);
  $('rhythm').addEventListener('change', typedRhythm);
  $('verbs').addEventListener('submit', (event) => event.preventDefault());
  $('keep').addEventListener('input', () => { $('keep-said').textContent = Number($('keep').value).toFixed(2); });
  $('tempo').addEventListener('change', () => { const wanted = Number($('tempo').value); if (wanted >= 20 && wanted <= 400) player.setRate(wanted / bpm); });
  $('volume').addEventListener('input', () => { player.volume = Number($('volume').value); });
  $('zoom').addEventListener('input', zoomed);
  $('scroll').addEventListener('input', () => roll.scrollTo(Number($('scroll').value) * (roll.seconds - roll.span)));
  $('starred').addEventListener('change', () => takes.filter($('starred').checked));
  $('track').addEventListener('change', async () => { doc.track = $('track').value; await display(doc.take); commit(); });
  for (const id of ['scope-whole', 'scope-part']) $(id).addEventListener('change', goalsShown);
  for (const id of ['bars', 'form', 'meter']) $(id).addEventListener('change', () => { doc[id] = $(id).value; commit(); prepare(); });
  $('roll').addEventListener('focus', () => roll.frame(player.position));
  $('roll').addEventListener('blur', () => roll.frame(player.position));
  $('export').addEventListener('click', (event) => { if (doc.take === null) event.preventDefault(); });
  $('export').addEventListener('dragstart', (event) => {
    if (doc.take === null) return event.preventDefault();
    event.dataTransfer.effectAllowed = 'copy';
    event.dataTransfer.setData('DownloadURL', `audio/midi:take-${doc.take}.mid:${midi(doc.take)}`);
    return event.dataTransfer.setData('text/uri-list', midi(doc.take));
  });
  dropping();
  bindKeys($('keylist'), {
    play: toggle, stop: () => player.stop(), step, takes: goTo, clear, lock, swap, star: () => takes.star(doc.take), write: () => make('sample'), infill: () => make('infill'),
    more: () => make('continue'), vary: () => make('vary'), transform: () => make('transform'), line: () => mode('line'), rhythm: () => mode('rhythm'), fill: () => make('fill'),
    loop: toggleLoop, undo: () => travel('undo'), redo: () => travel('redo'), open: () => $('file').click(), save: () => $('export').click(), copy: copied, help: () => $('keys').showModal(),
    all: () => { if (sheet) { doc.sel = [0, sheet.bars.length - 2]; selected(); announce('all bars selected'); commit(); } },
    edge: (end) => { if (sheet) step(end ? sheet.bars.length : -sheet.bars.length, false); },
  });
}

function dropping() {
  let depth = 0;
  const files = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  addEventListener('dragenter', (event) => { if (files(event)) { depth++; $('drop').hidden = false; } });
  addEventListener('dragleave', (event) => { if (files(event) && --depth <= 0) { depth = 0; $('drop').hidden = true; } });
  addEventListener('dragover', (event) => { if (files(event)) event.preventDefault(); });
  addEventListener('drop', (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    $('drop').hidden = true;
    if (event.dataTransfer.files[0]) opened(event.dataTransfer.files[0]);
  });
}

function modelTold(state) {
  $('model').textContent = state === 'ready' ? 'model ready' : state === 'loading' ? 'model loading' : `model ${state}`;
  $('model').className = `model ${state.startsWith('failed') ? 'failed' : state}`;
}

function heard(told) {
  if (told.model) modelTold(told.model);
  if (told.new) {
    takes.put(told.new, true);
    takes.gone(told.gone ?? []);
    arrivals.get(told.new.take)?.();
    others();
  }
  if (told.changed) takes.put(told.changed);
  if (told.job) worked(told).catch(trouble);
  if (told.ahead !== undefined) $('ahead').textContent = `${told.ahead} more ready`;
}

async function begin() {
  theme(matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  bind();
  enabled();
  const state = await get('state');
  dials = new Dials($('dials'), state.dials, ask);
  modelTold(state.model);
  for (const take of state.takes) takes.put(take);
  stepped(state.history);
  if (state.history.now) await restore(state.history.now);
  else if (state.takes.length) { lastVerb = 'open'; await show(state.takes[0].take); } else { await commit(); prepare(); }
  listen(heard, (readiness) => {
    if (readiness === EventSource.CLOSED || readiness === EventSource.CONNECTING) { $('model').textContent = 'studio not answering'; $('model').className = 'model failed'; } else get('state').then((s) => modelTold(s.model)).catch(() => {});
  });
  root.dataset.ready = 'true';
}

globalThis.studio = { player, roll, frames, get doc() { return doc; } };
begin().catch(trouble);
