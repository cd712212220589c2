// The list of takes: verdicts, seed, a star, and a roll as large as a waveform.
import { get, post } from './api.js';
import { mini } from './roll.js';

const MOST_SHEETS = 60;

export class Takes {
  constructor(place, chosen) {
    this.place = place;
    this.chosen = chosen;
    this.all = new Map();
    this.rows = new Map();
    this.sheets = new Map();
    this.starred = false;
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.paint(+entry.target.dataset.take);
    }, { root: place });
  }

  // A take's sheet, asked for once.
  sheet(number, track = 'auto') {
    const key = `${number} ${track}`;
    if (!this.sheets.has(key)) {
      const asked = get(`takes/${number}?track=${encodeURIComponent(track)}`);
      asked.catch(() => this.sheets.delete(key));
      this.sheets.set(key, asked);
      if (this.sheets.size > MOST_SHEETS) this.sheets.delete(this.sheets.keys().next().value);
    }
    return this.sheets.get(key);
  }

  put(take, fresh = false) {
    this.all.set(take.take, take);
    const row = this.rows.get(take.take) ?? this.row(take.take);
    const verdicts = take.verdicts.filter((v) => v.rule), met = verdicts.filter((v) => v.satisfied).length;
    const [show, star] = [row.querySelector('.show'), row.querySelector('.star')];
    const said = [take.verb === 'open' ? '' : take.verb, take.seed === undefined ? '' : `seed ${take.seed}`].filter(Boolean).join(', ');
    show.replaceChildren();
    const name = document.createElement('strong');
    name.textContent = take.name.split('/').at(-1);
    show.append(name, said ? ` ${said} ` : ' ');
    if (verdicts.length) {
      const verdict = document.createElement('span');
      verdict.textContent = met === verdicts.length ? `✓ ${met} met` : `✗ ${met} of ${verdicts.length} met`;
      verdict.className = met === verdicts.length ? 'met' : 'missed';
      show.append(verdict);
    }
    show.title = [...verdicts.map((v) => `${v.section ? `${v.section}: ` : ''}${v.rule} ${v.goal}: ${v.satisfied ? 'met' : 'not met'}, ${v.value}`), ...(take.warnings || [])].join('\n');
    star.setAttribute('aria-pressed', String(take.star));
    star.setAttribute('aria-label', `${take.star ? 'Starred' : 'Star'}: ${take.name}`);
    star.textContent = take.star ? '★' : '☆';
    row.hidden = this.starred && !take.star;
    if (fresh) row.classList.add('fresh');
  }

  row(number) {
    const row = document.createElement('li'), show = document.createElement('button'), star = document.createElement('button'), roll = document.createElement('canvas');
    row.className = 'take';
    row.dataset.take = number;
    show.type = star.type = 'button';
    show.className = 'show';
    star.className = 'star';
    roll.setAttribute('aria-hidden', 'true');
    show.addEventListener('click', () => this.chosen(number));
    roll.addEventListener('click', () => this.chosen(number));
    star.addEventListener('click', () => this.star(number));
    row.append(show, star, roll);
    this.place.prepend(row);
    this.rows.set(number, row);
    this.seen.observe(row);
    return row;
  }

  async star(number) {
    const take = this.all.get(number);
    if (!take) return;
    this.put({ ...take, star: !take.star });
    this.put(await post('star', { take: number, star: !take.star }));
  }

  filter(starred) {
    this.starred = starred;
    for (const take of this.all.values()) this.put(take);
  }

  gone(numbers) {
    for (const number of numbers) {
      this.rows.get(number)?.remove();
      this.rows.delete(number);
      this.all.delete(number);
    }
  }

  current(number) {
    for (const [own, row] of this.rows) {
      if (own === number) row.setAttribute('aria-current', 'true'); else row.removeAttribute('aria-current');
    }
    this.rows.get(number)?.scrollIntoView({ block: 'nearest' });
  }

  // The take before or after one, as they are listed: newest first.
  beside(number, way) {
    const shown = [...this.place.children].filter((row) => !row.hidden).map((row) => +row.dataset.take);
    return shown[Math.max(0, Math.min(shown.length - 1, shown.indexOf(number) + way))];
  }

  async paint(number) {
    const row = this.rows.get(number);
    if (!row || row.dataset.painted === document.documentElement.dataset.theme) return;
    row.dataset.painted = document.documentElement.dataset.theme;
    const sheet = await this.sheet(number).catch(() => null);
    if (sheet) mini(row.querySelector('canvas'), sheet);
  }

  repaint() {
    for (const number of this.rows.keys()) this.paint(number);
  }
}
