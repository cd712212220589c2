// Plays a sheet: a timer hands notes to the synthesizer a little before they sound.
import { Synth } from './synth.js';

const EVERY = 25, FAR = 0.14, FAR_HIDDEN = 1.6; // milliseconds; seconds ahead, and where the page is not seen and its timers are slow
const FIRST = 0.03; // seconds from pressing play to the first sound

export class Player {
  constructor(changed) {
    this.changed = changed;
    this.notes = [];
    this.seconds = 0;
    this.rate = 1;
    this.at = 0; // seconds of the sheet, where nothing plays
    this.loop = null; // [from, to] in seconds
    this.playing = false;
    this.level = 0.8;
  }

  get synth() {
    if (!this.made) {
      this.made = new Synth();
      this.made.volume.gain.value = this.level;
    }
    return this.made;
  }

  set volume(level) {
    this.level = level;
    if (this.made) this.made.volume.gain.setTargetAtTime(level, this.made.now, 0.02);
  }

  // The sheet's notes in order; what plays goes on at the same place.
  load(sheet) {
    this.notes = [];
    for (const track of sheet.tracks) {
      for (const [start, end, pitch, velocity] of track.notes) {
        this.notes.push({ start, end, pitch, velocity, program: track.program, drums: track.drums });
      }
    }
    this.notes.sort((a, b) => a.start - b.start);
    this.seconds = sheet.seconds;
    if (this.playing) this.start(Math.min(this.position, this.end));
    else this.at = Math.min(this.at, this.seconds);
  }

  get end() { return this.loop ? this.loop[1] : this.seconds; }

  // Seconds of the sheet that sound now.
  get position() {
    if (!this.playing) return this.at;
    const passed = (this.synth.now - this.began) * this.rate + this.from;
    if (passed < this.end || !this.loop) return Math.max(Math.min(passed, this.end), this.from);
    const [low, high] = this.loop;
    return low + ((passed - low) % (high - low));
  }

  start(from = this.at) {
    if (!this.notes.length) return;
    this.hush();
    if (from >= this.end - 0.01) from = this.loop ? this.loop[0] : 0;
    this.synth.context.resume();
    this.bus = this.synth.bus();
    this.from = from;
    this.began = this.synth.now + FIRST;
    this.clock = { from, when: this.began };
    this.next = this.first(from);
    this.playing = true;
    this.tick();
    this.timer = setInterval(() => this.tick(), EVERY);
    this.changed();
  }

  first(from) {
    let low = 0, high = this.notes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.notes[middle].start < from - 0.001) low = middle + 1; else high = middle;
    }
    return low;
  }

  tick() {
    const until = this.synth.now + (document.hidden ? FAR_HIDDEN : FAR);
    for (let turn = 0; turn < 64; turn++) {
      const { from, when } = this.clock;
      while (this.next < this.notes.length && this.notes[this.next].start < this.end) {
        const note = this.notes[this.next], sounds = when + (note.start - from) / this.rate;
        if (sounds > until) return;
        this.synth.note(this.bus, note, Math.max(sounds, this.synth.now), (Math.min(note.end, this.end) - note.start) / this.rate);
        this.next++;
      }
      const ends = when + (this.end - from) / this.rate;
      if (ends > until) return;
      if (!this.loop) {
        if (this.synth.now > ends + 0.3) this.stop(true);
        return;
      }
      this.clock = { from: this.loop[0], when: ends };
      this.next = this.first(this.loop[0]);
    }
  }

  hush() {
    clearInterval(this.timer);
    if (this.bus) this.synth.silence(this.bus);
    this.bus = null;
  }

  pause() {
    this.at = this.position;
    this.playing = false;
    this.hush();
    this.changed();
  }

  stop(ended = false) {
    if (this.playing) this.pause();
    this.at = !ended && this.loop ? this.loop[0] : 0;
    this.changed();
  }

  seek(seconds) {
    const where = Math.max(0, Math.min(seconds, this.seconds));
    if (this.playing) this.start(where);
    else { this.at = where; this.changed(); }
  }

  setRate(rate) {
    const where = this.position;
    this.rate = rate;
    if (this.playing) this.start(where);
  }

  setLoop(loop) {
    if (String(loop) === String(this.loop)) return;
    const where = this.position;
    this.loop = loop;
    if (this.playing) this.start(loop && (where < loop[0] || where >= loop[1]) ? loop[0] : where);
  }
}
