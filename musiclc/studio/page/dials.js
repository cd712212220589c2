// A dial a rule, made from the table that the server sends: words, sliders, and the goal's text, which always has the last word.

const TONICS = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B'];
const KINDS = [['near', 'near'], ['>=', 'at least'], ['<=', 'at most'], ['..', 'between']];
const PITCHES = ['C', 'C#', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B'];
const pitchName = (n) => PITCHES[n % 12] + (Math.floor(n / 12) - 1);

const element = (tag, props = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), props);
  for (const [name, value] of Object.entries(props)) if (name.startsWith('aria')) made.setAttribute(name.replace('aria', 'aria-').toLowerCase(), value);
  made.append(...inside);
  return made;
};

const round = (value, step) => (step < 0.1 ? value.toFixed(2) : String(Math.round(value * 10) / 10));

// What a goal's text says, as [kind, low, high]; null for a word.
function parsed(text, dial) {
  const t = text.trim(), number = '(-?\\d+(?:\\.\\d+)?)';
  let m;
  if ((m = t.match(new RegExp(`^${number}$`)))) return ['near', +m[1], +m[1]];
  if ((m = t.match(new RegExp(`^${number}\\.\\.${number}$`)))) return ['..', +m[1], +m[2]];
  if ((m = t.match(new RegExp(`^>=?${number}$`)))) return ['>=', +m[1], dial.ends[1]];
  if ((m = t.match(new RegExp(`^<=?${number}$`)))) return ['<=', dial.ends[0], +m[1]];
  return null;
}

export class Dials {
  // heard(rule, goal): the user asks for a goal, or for none with ''
  constructor(place, table, heard) {
    this.rows = {};
    for (const dial of table) {
      const row = new Dial(dial, (goal) => heard(dial.rule, goal));
      this.rows[dial.rule] = row;
      place.append(row.root);
    }
  }

  show(goals) {
    for (const [rule, row] of Object.entries(this.rows)) row.show(goals[rule] ?? '');
  }

  measure(values, verdicts) {
    for (const [rule, row] of Object.entries(this.rows)) row.measure(values[rule], verdicts.find((v) => v.rule === rule && !v.section));
  }

  trouble(rule, text) { this.rows[rule]?.trouble(text); }
}

class Dial {
  constructor(dial, heard) {
    this.dial = dial;
    this.heard = heard;
    this.goal = '';
    this.value = element('span', { className: 'value' });
    const id = `dial-${dial.rule}`;
    this.name = element('button', { type: 'button', textContent: dial.rule.replace('_', ' '), title: `${dial.about} (${dial.unit})`, ariaExpanded: 'false', ariaControls: id });
    this.body = element('div', { className: 'dialbody', id, hidden: true });
    this.root = element('div', { className: 'dial' }, element('div', { className: 'dialhead' }, this.name, this.value), this.body);
    this.name.addEventListener('click', () => this.open(this.body.hidden));
  }

  open(wanted) {
    if (wanted && !this.built) this.build();
    this.body.hidden = !wanted;
    this.name.setAttribute('aria-expanded', String(wanted));
  }

  build() {
    const { dial } = this;
    this.built = true;
    this.body.append(element('p', { textContent: `${dial.about}; ${dial.unit}` }));
    this.text = element('input', { type: 'text', className: 'goal', ariaLabel: `${dial.rule}, goal`, placeholder: dial.goals.split(',')[0].replaceAll("'", ''), spellcheck: false });
    this.text.addEventListener('change', () => this.ask(this.text.value.trim()));
    this.off = element('button', { type: 'button', textContent: 'Clear', ariaLabel: `Clear ${dial.rule}` });
    this.off.addEventListener('click', () => this.ask(''));
    if (dial.ends) this.sliders();
    else if (dial.menu) this.menus();
    if (dial.words.length && !dial.menu) {
      const words = element('div', { className: 'row words', role: 'group', ariaLabel: `${dial.rule}, words` });
      for (const word of dial.words) {
        const button = element('button', { type: 'button', textContent: word });
        button.addEventListener('click', () => this.ask(word));
        words.append(button);
      }
      this.body.append(words);
    }
    this.error = element('p', { className: 'missed', role: 'alert', hidden: true });
    this.body.append(element('div', { className: 'row' }, this.text, this.off), this.error);
    this.show(this.goal);
  }

  sliders() {
    const { dial } = this, [low, high] = dial.ends;
    this.kind = element('select', { ariaLabel: `${dial.rule}, kind of goal` });
    for (const [value, name] of KINDS) if (dial.kinds.includes(value)) this.kind.append(element('option', { value, textContent: name }));
    const slider = (what, value) => element('input', { type: 'range', min: low, max: high, step: dial.step, value, ariaLabel: `${dial.rule}, ${what}` });
    this.low = slider('value or lower end', low + (high - low) * 0.4);
    this.high = slider('upper end', low + (high - low) * 0.6);
    this.said = element('output', {});
    for (const each of [this.low, this.high]) {
      each.value = each === this.low ? low + (high - low) * 0.4 : low + (high - low) * 0.6;
      each.addEventListener('input', () => { this.text.value = this.fromSliders(); this.sayPitch(); });
      each.addEventListener('change', () => this.ask(this.fromSliders()));
    }
    this.kind.addEventListener('change', () => { this.high.hidden = this.kind.value !== '..'; this.ask(this.fromSliders()); });
    this.high.hidden = this.kind.value !== '..';
    this.body.append(element('div', { className: 'row' }, this.kind, this.said), element('div', { className: 'row' }, this.low, this.high));
  }

  sayPitch() {
    if (!this.dial.pitches) return;
    const names = [this.low, ...(this.kind.value === '..' ? [this.high] : [])].map((s) => pitchName(+s.value));
    this.said.textContent = names.join(' to ');
  }

  fromSliders() {
    const { step } = this.dial, [a, b] = [+this.low.value, +this.high.value], low = round(a, step), high = round(b, step);
    switch (this.kind.value) {
      case '..': return a <= b ? `${low}..${high}` : `${high}..${low}`;
      case 'near': return low;
      default: return this.kind.value + low;
    }
  }

  menus() {
    const { dial } = this, [names, modes] = dial.menu;
    const choices = (list, label) => {
      const select = element('select', { ariaLabel: `${dial.rule}, ${label}` });
      for (const each of list) select.append(element('option', { value: each, textContent: each }));
      return select;
    };
    this.tonic = choices(['', ...names], 'note');
    this.mode = modes.length ? choices(modes, 'mode') : null;
    const asked = () => this.ask(this.tonic.value ? [this.tonic.value, this.mode?.value].filter(Boolean).join(' ') : '');
    this.tonic.addEventListener('change', asked);
    this.mode?.addEventListener('change', () => { this.tonic.value ||= 'C'; asked(); });
    this.body.append(element('div', { className: 'row' }, this.tonic, ...(this.mode ? [this.mode] : [])));
  }

  ask(goal) {
    this.trouble('');
    this.heard(goal);
  }

  show(goal) {
    this.goal = goal;
    this.name.classList.toggle('on', Boolean(goal));
    this.name.setAttribute('aria-label', `${this.dial.rule.replace('_', ' ')}${goal ? `, goal ${goal}` : ''}`);
    if (!this.built) return;
    this.text.value = goal;
    this.off.disabled = !goal;
    if (this.tonic) {
      const [tonic, ...mode] = goal.split(' ');
      this.tonic.value = tonic;
      if (this.mode) this.mode.value = mode.join(' ') || 'major';
    }
    const said = this.dial.ends && goal ? parsed(goal, this.dial) : null;
    if (said) {
      [this.kind.value] = said;
      this.low.value = said[0] === '<=' ? said[2] : said[1];
      this.high.value = said[2];
      this.high.hidden = said[0] !== '..';
      this.sayPitch();
    }
  }

  measure(value, verdict) {
    const said = (v) => (v === null || v === undefined ? '' : typeof v === 'number' ? String(Math.round(v * 100) / 100) : Array.isArray(v) ? v.map(said).join('..') : String(v));
    this.value.textContent = said(value);
    this.value.title = `this take: ${said(value)}`;
    this.value.classList.toggle('met', verdict?.satisfied === true);
    this.value.classList.toggle('missed', verdict?.satisfied === false);
  }

  trouble(text) {
    if (!this.built && text) this.open(true);
    if (!this.error) return;
    this.error.textContent = text;
    this.error.hidden = !text;
    this.text.setAttribute('aria-invalid', String(Boolean(text)));
  }
}
