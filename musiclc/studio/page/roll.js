// The piano roll: the paper holds what stands still and is drawn when it changes, the ink what moves and is drawn every frame.

const LEFT = 44, TOP = 22, BOTTOM = 26, NARROWEST = 34; // pixels; of a bar, where it is zoomed out so far that it would be narrower
const BLACK = [1, 3, 6, 8, 10], NAMES = ['C', 'C♯', 'D', 'E♭', 'E', 'F', 'F♯', 'G', 'A♭', 'A', 'B♭', 'B'];

export const stepsOf = (meter) => {
  const [above, below] = (meter || '4/4').split('/').map(Number);
  return Math.max(1, Math.round((above * 16) / below));
};

export class Roll {
  // heard: {select(first, last), seek(seconds), draw(points), tap(step)}; bars from 0, last included
  constructor(element, heard) {
    this.element = element;
    this.heard = heard;
    this.paper = element.querySelector('#paper');
    this.ink = element.querySelector('#ink');
    this.sheet = null;
    this.selection = null;
    this.locks = new Set();
    this.line = null; // {first, last, points: [pitch, …]}
    this.rhythm = null; // {first, last, steps: Set}
    this.fresh = new Set(); // bars that the last command wrote
    this.zoom = 0;
    this.scroll = 0; // seconds at the left edge
    this.mode = '';
    this.cursor = 0;
    new ResizeObserver(() => this.resize()).observe(element);
    element.addEventListener('pointerdown', (event) => this.down(event));
    element.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
  }

  show(sheet) {
    this.sheet = sheet;
    const pitches = sheet.tracks.filter((t) => !t.drums).flatMap((t) => t.notes.map((n) => n[2]));
    let low = Infinity, high = -Infinity;
    for (const pitch of pitches) { low = Math.min(low, pitch); high = Math.max(high, pitch); }
    if (!pitches.length) [low, high] = [55, 79];
    while (high - low < 22) { low--; high++; }
    this.low = Math.max(0, low - 2);
    this.high = Math.min(127, high + 2);
    this.drums = sheet.tracks.some((t) => t.drums);
    this.scroll = Math.min(this.scroll, Math.max(0, this.seconds - this.span));
    this.draw();
  }

  get bars() { return this.sheet ? this.sheet.bars.length - 1 : 0; }
  get seconds() { return this.sheet ? Math.max(this.sheet.bars.at(-1), this.sheet.seconds, 0.01) : 1; }
  get plot() { return { width: this.width - LEFT, height: this.height - TOP - BOTTOM - (this.drums ? 16 : 0) }; }
  // Seconds that are seen at once.
  get span() {
    const most = this.seconds, widest = Math.min(this.seconds, (this.seconds / Math.max(this.bars, 1)) * 2);
    const fitting = Math.min(most, (this.seconds / Math.max(this.bars, 1)) * Math.max(2, this.plot.width / NARROWEST));
    return fitting * (widest / fitting) ** this.zoom;
  }
  x(seconds) { return LEFT + ((seconds - this.scroll) / this.span) * this.plot.width; }
  y(pitch) { return TOP + ((this.high - pitch) / (this.high - this.low + 1)) * this.plot.height; }
  get row() { return this.plot.height / (this.high - this.low + 1); }
  at(x) { return this.scroll + ((x - LEFT) / this.plot.width) * this.span; }
  barAt(seconds) {
    let bar = 0;
    while (bar < this.bars - 1 && this.sheet.bars[bar + 1] <= seconds + 1e-6) bar++;
    return bar;
  }
  get steps() { return stepsOf(this.sheet.meter); }
  stepAt(seconds) {
    const bar = this.barAt(seconds), [from, to] = [this.sheet.bars[bar], this.sheet.bars[bar + 1]];
    return bar * this.steps + Math.max(0, Math.min(this.steps - 1, Math.floor(((seconds - from) / (to - from)) * this.steps)));
  }
  secondsOf(step) {
    const bar = Math.floor(step / this.steps), [from, to] = [this.sheet.bars[bar], this.sheet.bars[bar + 1] ?? this.seconds];
    return from + ((to - from) * (step % this.steps)) / this.steps;
  }

  resize() {
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.scale = window.devicePixelRatio || 1;
    for (const canvas of [this.paper, this.ink]) {
      canvas.width = this.width * this.scale;
      canvas.height = this.height * this.scale;
    }
    this.draw();
  }

  palette() {
    const style = getComputedStyle(document.documentElement);
    const names = ['panel', 'text', 'quiet', 'note', 'note-new', 'other', 'drums', 'row', 'out', 'root', 'bar', 'beat', 'select', 'head', 'lock', 'lock-text', 'ink', 'accent'];
    this.colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  draw() {
    if (!this.sheet || !this.width) return;
    this.palette();
    const c = this.paper.getContext('2d');
    c.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.font = '12px system-ui, "DejaVu Sans", sans-serif';
    this.rows(c);
    this.grid(c);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, this.width - LEFT, this.height);
    c.clip();
    this.marks(c);
    this.notes(c);
    this.rhythmLane(c);
    c.restore();
    this.names(c);
    this.frame(this.last ?? 0);
  }

  rows(c) {
    const { colours, sheet } = this, scale = new Set(sheet.scale || []), root = sheet.scale?.length ? NAMES.findIndex((n) => same(n, sheet.key)) : -1;
    for (let pitch = this.low; pitch <= this.high; pitch++) {
      const inside = scale.size ? scale.has(pitch % 12) : !BLACK.includes(pitch % 12);
      c.fillStyle = pitch % 12 === root ? colours.root : inside ? colours.row : colours.out;
      c.fillRect(LEFT, this.y(pitch), this.plot.width, Math.ceil(this.row));
      if (!inside || this.row > 6) { c.fillStyle = colours.panel; c.globalAlpha = 0.5; c.fillRect(LEFT, this.y(pitch), this.plot.width, 0.6); c.globalAlpha = 1; }
    }
  }

  grid(c) {
    const { colours, sheet } = this, wide = this.x(sheet.bars[1] ?? 1) - this.x(sheet.bars[0] ?? 0);
    const every = [1, 2, 4, 8, 16, 32].find((k) => wide * k > 26) ?? 64, beats = this.steps % 6 === 0 && this.steps !== 6 && this.steps !== 12 ? 6 : 4;
    c.textBaseline = 'alphabetic';
    for (let bar = 0; bar <= this.bars; bar++) {
      const x = this.x(sheet.bars[bar]);
      if (x < LEFT - 1 || x > this.width + wide) continue;
      if (wide > 46 && bar < this.bars) {
        c.fillStyle = colours.beat;
        for (let step = beats; step < this.steps; step += beats) c.fillRect(x + (wide * step) / this.steps, TOP, 1, this.plot.height);
      }
      c.fillStyle = colours.bar;
      c.fillRect(x, TOP - 4, 1, this.plot.height + 4);
      if (bar < this.bars && bar % every === 0) { c.fillStyle = colours.quiet; c.fillText(String(bar + 1), x + 4, TOP - 7); }
    }
  }

  marks(c) {
    const { colours, sheet } = this, box = (first, last, colour) => {
      c.fillStyle = colour;
      const x = this.x(sheet.bars[first]);
      c.fillRect(x, TOP, this.x(sheet.bars[last + 1] ?? this.seconds) - x, this.plot.height);
    };
    for (const { name, letter, first, bars } of sheet.sections || []) {
      const x = this.x(sheet.bars[first]), to = this.x(sheet.bars[first + bars] ?? this.seconds), hue = [212, 152, 28, 282, 342, 60][letter.charCodeAt(0) % 6];
      c.fillStyle = `hsl(${hue} 60% 50%)`;
      c.fillRect(x, TOP - 3, to - x - 2, 3);
      c.fillStyle = colours.text;
      c.fillText(name, Math.min(Math.max(x, LEFT) + 28, to - 14), TOP - 7);
    }
    for (const bar of this.locks) {
      if (bar >= this.bars) continue;
      box(bar, bar, colours.lock);
      c.fillStyle = colours['lock-text'];
      padlock(c, this.x(sheet.bars[bar + 1]) - 15, TOP + 5);
    }
    if (this.selection) {
      const [first, last] = this.selection;
      box(first, Math.min(last, this.bars - 1), colours.select);
      c.fillStyle = colours.accent;
      const x = this.x(sheet.bars[first]), to = this.x(sheet.bars[Math.min(last + 1, this.bars)]);
      c.fillRect(x, TOP, to - x, 2);
      c.fillRect(x, TOP, 2, this.plot.height);
      c.fillRect(to - 2, TOP, 2, this.plot.height);
    }
  }

  notes(c) {
    const mine = new Set(this.sheet.melody || []), { colours } = this, tall = Math.max(2, this.row - 1);
    const order = this.sheet.tracks.map((track, i) => [track, i]).sort(([, a], [, b]) => mine.has(a) - mine.has(b));
    const from = this.scroll, to = this.scroll + this.span;
    for (const [track, i] of order) {
      const own = mine.has(i);
      c.fillStyle = own ? colours.note : track.drums ? colours.drums : colours.other;
      for (const [start, end, pitch] of track.notes) {
        if (end < from || start > to) continue;
        const x = this.x(start), wide = Math.max(2, this.x(end) - x - 1);
        if (track.drums) { c.fillRect(x, TOP + this.plot.height + 3 + (pitch % 12), 2.5, 2); continue; }
        if (own) c.fillStyle = this.fresh.has(this.barAt(start + 0.01)) ? colours['note-new'] : colours.note;
        c.fillRect(x, this.y(pitch) + 0.5, wide, tall);
      }
    }
  }

  get lane() { return this.height - BOTTOM + 4; }

  rhythmLane(c) {
    const { colours } = this, wanted = this.rhythm, wide = ((this.sheet.bars[1] ?? 1) / this.span / this.steps) * this.plot.width;
    c.fillStyle = colours.row;
    c.fillRect(LEFT, this.lane, this.plot.width, 18);
    const first = this.mode === 'rhythm' && this.selection ? this.selection[0] * this.steps : Infinity, last = this.selection ? (this.selection[1] + 1) * this.steps : 0;
    for (let step = 0; step < this.bars * this.steps; step++) {
      const x = this.x(this.secondsOf(step));
      if (x < LEFT - 8 || x > this.width) continue;
      if (wanted?.steps.has(step)) { c.fillStyle = colours.ink; c.fillRect(x + 1, this.lane + 2, Math.max(3, wide - 2), 14); }
      else if (step >= first && step < last) { c.strokeStyle = colours.quiet; c.strokeRect(x + 1.5, this.lane + 3.5, Math.max(2, wide - 3), 11); }
      else if (step % 4 === 0) { c.fillStyle = colours.bar; c.fillRect(x, this.lane + 6, 1, 6); }
    }
  }

  names(c) {
    const { colours } = this;
    c.fillStyle = colours.panel;
    c.fillRect(0, 0, LEFT, this.height);
    c.fillStyle = colours.quiet;
    c.textBaseline = 'middle';
    for (let pitch = this.low; pitch <= this.high; pitch++) {
      const name = NAMES[pitch % 12];
      if (pitch % 12 === 0 || (this.row > 11 && !BLACK.includes(pitch % 12))) c.fillText(name + (Math.floor(pitch / 12) - 1), 8, this.y(pitch) + this.row / 2);
    }
    if (this.drums) c.fillText('drums', 5, TOP + this.plot.height + 9);
    c.fillText('rhythm', 3, this.lane + 9);
    c.textBaseline = 'alphabetic';
  }

  // What moves: the playhead, notes that sound, the line that is drawn.
  frame(seconds, follow = false) {
    this.last = seconds;
    if (!this.sheet || !this.width) return;
    if (follow && this.span < this.seconds - 0.01 && (seconds > this.scroll + this.span * 0.92 || seconds < this.scroll)) {
      this.scrollTo(seconds - this.span * 0.08);
    }
    const c = this.ink.getContext('2d'), { colours } = this;
    c.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, this.width - LEFT, this.height);
    c.clip();
    if (follow) this.glow(c, seconds);
    this.drawnLine(c);
    if (document.activeElement === this.element) {
      c.strokeStyle = colours.quiet;
      c.setLineDash([3, 3]);
      const x = this.x(this.sheet.bars[this.cursor] ?? 0);
      c.strokeRect(x + 0.5, TOP + 0.5, this.x(this.sheet.bars[this.cursor + 1] ?? this.seconds) - x - 1, this.plot.height - 1);
      c.setLineDash([]);
    }
    c.fillStyle = colours.head;
    c.fillRect(this.x(seconds) - 1, TOP - 4, 2, this.plot.height + 4);
    c.restore();
  }

  glow(c, seconds) {
    c.fillStyle = this.colours.head;
    for (const index of this.sheet.melody || []) {
      const notes = this.sheet.tracks[index].notes;
      let low = 0, high = notes.length;
      while (low < high) { const m = (low + high) >> 1; if (notes[m][0] <= seconds) low = m + 1; else high = m; }
      for (let i = Math.max(0, low - 4); i < low; i++) {
        const [start, end, pitch] = notes[i];
        if (end > seconds) c.fillRect(this.x(start), this.y(pitch) + 0.5, Math.max(2, this.x(end) - this.x(start) - 1), Math.max(2, this.row - 1));
      }
    }
  }

  drawnLine(c) {
    const line = this.stroke ?? this.line;
    if (!line || line.points.length < 2) return;
    const from = this.x(this.sheet.bars[line.first] ?? 0), to = this.x(this.sheet.bars[line.last + 1] ?? this.seconds);
    c.strokeStyle = this.colours.ink;
    c.lineWidth = 3;
    c.lineJoin = 'round';
    c.beginPath();
    line.points.forEach((pitch, i) => {
      if (pitch === null) return;
      const x = from + ((to - from) * i) / (line.points.length - 1), y = this.y(pitch) + this.row / 2;
      if (i === 0) c.moveTo(x, y); else c.lineTo(x, y);
    });
    c.stroke();
    c.lineWidth = 1;
  }

  scrollTo(seconds) {
    this.scroll = Math.max(0, Math.min(seconds, this.seconds - this.span));
    this.draw();
    this.heard.scrolled?.();
  }

  wheel(event) {
    if (!this.sheet) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.heard.zoom?.(Math.max(0, Math.min(1, this.zoom - event.deltaY / 600)));
    } else if (this.span < this.seconds - 0.01 && (event.deltaX || event.shiftKey)) {
      event.preventDefault();
      this.scrollTo(this.scroll + ((event.deltaX || event.deltaY) / this.plot.width) * this.span);
    }
  }

  down(event) {
    if (!this.sheet || event.button) return;
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const box = this.element.getBoundingClientRect(), place = (e) => [e.clientX - box.left, e.clientY - box.top];
    const [x, y] = place(event);
    const moved = this.mode === 'line' ? this.drawing() : y > this.lane && this.mode === 'rhythm' ? this.tapping() : this.selecting(x, y, event.shiftKey);
    moved(x, y, true);
    const move = (e) => moved(...place(e), false), up = (e) => {
      moved(...place(e), false, true);
      this.element.removeEventListener('pointermove', move);
    };
    this.element.addEventListener('pointermove', move);
    this.element.addEventListener('pointerup', up, { once: true });
    this.element.addEventListener('pointercancel', up, { once: true });
  }

  selecting(x0, y0, more) {
    const from = this.barAt(this.at(x0)), anchor = more && this.selection ? this.selection[0] : from;
    let wide = more;
    return (x, y, first, done) => {
      wide ||= Math.abs(x - x0) > 6;
      const bar = this.barAt(Math.max(0, this.at(x)));
      if (wide) this.heard.select(Math.min(anchor, bar), Math.max(anchor, bar), Boolean(done));
      else if (done) this.heard.seek(Math.max(0, this.at(x)), from, y0 < TOP);
    };
  }

  drawing() {
    const found = new Map();
    let before = null;
    return (x, y, first, done) => {
      const second = Math.max(0, Math.min(this.at(x), this.seconds - 0.001)), step = this.stepAt(second);
      const pitch = Math.max(21, Math.min(108, this.high - ((y - TOP) / this.plot.height) * (this.high - this.low + 1) + 0.5));
      if (before) for (let s = Math.min(before[0], step); s <= Math.max(before[0], step); s++) {
        found.set(s, before[0] === step ? pitch : before[1] + ((pitch - before[1]) * (s - before[0])) / (step - before[0]));
      } else found.set(step, pitch);
      before = [step, pitch];
      const steps = [...found.keys()], low = Math.floor(Math.min(...steps) / this.steps), high = Math.floor(Math.max(...steps) / this.steps);
      this.stroke = { first: low, last: high, points: sampled(found, low * this.steps, (high + 1) * this.steps, (high + 1 - low) * 8) };
      this.frame(this.last ?? 0);
      if (done) { const line = this.stroke; this.stroke = null; this.heard.draw(line); }
    };
  }

  tapping() {
    let adding = null;
    const seen = new Set();
    return (x) => {
      const step = this.stepAt(Math.max(0, Math.min(this.at(x), this.seconds - 0.001)));
      if (seen.has(step)) return;
      seen.add(step);
      adding ??= !this.rhythm?.steps.has(step);
      this.heard.tap(step, adding);
    };
  }
}

// Pitches at so many even places from step `low` to `high`; outside of what was drawn its nearest end goes on.
function sampled(found, low, high, count) {
  const steps = [...found.keys()].sort((a, b) => a - b);
  return Array.from({ length: Math.max(count, 2) }, (_, i) => {
    const wanted = low + ((high - 1 - low) * i) / (Math.max(count, 2) - 1);
    const near = steps.reduce((best, step) => (Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best), steps[0]);
    return Math.round(found.get(near));
  });
}

const FLATS = { 'C♯': 'Db', 'E♭': 'D#', 'F♯': 'Gb', 'A♭': 'G#', 'B♭': 'A#' };
function same(name, key) {
  const said = (key || '').split(' ')[0], plain = name.replace('♯', '#').replace('♭', 'b');
  return said === plain || said === FLATS[name];
}

function padlock(c, x, y) {
  c.fillRect(x, y + 4, 9, 7);
  c.strokeStyle = c.fillStyle;
  c.lineWidth = 1.6;
  c.beginPath();
  c.arc(x + 4.5, y + 4, 2.8, Math.PI, 0);
  c.stroke();
  c.lineWidth = 1;
}

// A take's roll, as large as a waveform in a list.
export function mini(canvas, sheet) {
  const scale = window.devicePixelRatio || 1, wide = canvas.clientWidth || 220, tall = 30, c = canvas.getContext('2d');
  const style = getComputedStyle(document.documentElement), colour = (name) => style.getPropertyValue(`--${name}`).trim();
  canvas.width = wide * scale;
  canvas.height = tall * scale;
  c.setTransform(scale, 0, 0, scale, 0, 0);
  c.fillStyle = colour('row');
  c.fillRect(0, 0, wide, tall);
  const mine = new Set(sheet.melody || []), shown = sheet.tracks.map((t, i) => [t, mine.has(i)]).filter(([t]) => !t.drums).sort((a, b) => a[1] - b[1]);
  let low = 127, high = 0;
  for (const [t] of shown) for (const n of t.notes) { low = Math.min(low, n[2]); high = Math.max(high, n[2]); }
  const rows = Math.max(high - low + 1, 14);
  for (const [track, own] of shown) {
    c.fillStyle = colour(own ? 'note' : 'other');
    for (const [start, end, pitch] of track.notes.slice(0, 3000)) {
      c.fillRect((start / sheet.seconds) * wide, 2 + ((high - pitch) / rows) * (tall - 4), Math.max(1, ((end - start) / sheet.seconds) * wide - 0.5), Math.max(1.4, (tall - 4) / rows));
    }
  }
}
