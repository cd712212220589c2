// A small synthesizer: two oscillators, a filter and an envelope a note, and drums made of noise. No samples, nothing to license.

// From General MIDI program to a sound: [wave, second wave's detune in cents, attack, decay, sustain level, release, cutoff in harmonics]
const SOUNDS = [
  [8, ['piano', 4, 0.003, 0.9, 0.12, 0.18, 9]],
  [16, ['bell', 2, 0.002, 0.7, 0.02, 0.4, 12]],
  [24, ['organ', 3, 0.012, 0.1, 0.9, 0.06, 12]],
  [32, ['pluck', 5, 0.002, 0.6, 0.08, 0.12, 7]],
  [40, ['bass', 4, 0.004, 0.5, 0.35, 0.08, 5]],
  [52, ['sawtooth', 9, 0.07, 0.3, 0.8, 0.22, 5]],
  [56, ['voice', 7, 0.06, 0.2, 0.85, 0.2, 6]],
  [64, ['sawtooth', 5, 0.03, 0.2, 0.75, 0.1, 5]],
  [72, ['reed', 3, 0.02, 0.15, 0.8, 0.08, 8]],
  [80, ['flute', 3, 0.04, 0.15, 0.85, 0.1, 8]],
  [88, ['square', 8, 0.006, 0.2, 0.6, 0.1, 6]],
  [104, ['sawtooth', 12, 0.15, 0.5, 0.8, 0.5, 4]],
  [128, ['pluck', 6, 0.003, 0.5, 0.15, 0.2, 8]],
];
// Strengths of harmonics 1, 2, 3 …
const WAVES = {
  piano: [1, 0.55, 0.3, 0.22, 0.12, 0.1, 0.06, 0.05, 0.03],
  bell: [1, 0.05, 0.1, 0.5, 0.02, 0.02, 0.2, 0.01, 0.1],
  organ: [1, 0.8, 0.5, 0.45, 0.05, 0.3, 0.03, 0.25],
  pluck: [1, 0.6, 0.42, 0.3, 0.24, 0.18, 0.12, 0.1, 0.08, 0.05],
  bass: [1, 0.7, 0.4, 0.2, 0.12, 0.06],
  voice: [1, 0.3, 0.45, 0.12, 0.2, 0.05, 0.03],
  reed: [1, 0.15, 0.7, 0.1, 0.45, 0.08, 0.25, 0.05, 0.12],
  flute: [1, 0.28, 0.12, 0.04, 0.02],
};
const LEVEL = 0.17;

export class Synth {
  constructor() {
    this.context = new AudioContext({ latencyHint: 'interactive' });
    this.volume = this.context.createGain();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2048;
    const limit = this.context.createDynamicsCompressor();
    limit.threshold.value = -14;
    limit.ratio.value = 8;
    this.volume.connect(limit).connect(this.analyser).connect(this.context.destination);
    this.waves = Object.fromEntries(Object.entries(WAVES).map(([name, parts]) => [name, this.wave(parts)]));
    this.noise = this.noises();
  }

  get now() { return this.context.currentTime; }

  wave(parts) {
    const imaginary = new Float32Array(parts.length + 1);
    parts.forEach((part, i) => { imaginary[i + 1] = part; });
    return this.context.createPeriodicWave(new Float32Array(parts.length + 1), imaginary);
  }

  noises() {
    const buffer = this.context.createBuffer(1, this.context.sampleRate, this.context.sampleRate);
    const data = buffer.getChannelData(0);
    let x = 22222;
    for (let i = 0; i < data.length; i++) { x = (x * 196314165 + 907633515) | 0; data[i] = x / 2147483648; }
    return buffer;
  }

  // A place that notes sound through; silence ends all of them.
  bus() {
    const bus = this.context.createGain();
    bus.connect(this.volume);
    return bus;
  }

  silence(bus) {
    bus.gain.setTargetAtTime(0, this.now, 0.012);
    setTimeout(() => bus.disconnect(), 200);
  }

  note(bus, { pitch, velocity, program, drums }, when, length) {
    if (drums) this.drum(bus, pitch, velocity, when);
    else this.tone(bus, pitch, velocity, program, when, length);
  }

  tone(bus, pitch, velocity, program, when, length) {
    const [wave, detune, attack, decay, sustain, release, cutoff] = SOUNDS.find(([below]) => program < below)[1];
    const hertz = 440 * 2 ** ((pitch - 69) / 12), loud = LEVEL * (velocity / 100) ** 1.5, end = when + Math.max(length, 0.05);
    const gain = this.context.createGain(), filter = this.context.createBiquadFilter();
    filter.type = 'lowpass';
    filter.frequency.setValueAtTime(Math.min(hertz * cutoff * (0.6 + velocity / 160), 16000), when);
    filter.frequency.setTargetAtTime(Math.min(hertz * (1.5 + cutoff * sustain), 12000), when + attack, decay);
    gain.gain.setValueAtTime(0, when);
    gain.gain.linearRampToValueAtTime(loud, when + attack);
    gain.gain.setTargetAtTime(loud * sustain, when + attack, decay / 2);
    gain.gain.setTargetAtTime(0, end, release / 3);
    for (const cents of [-detune / 2, detune / 2]) {
      const oscillator = this.context.createOscillator();
      if (this.waves[wave]) oscillator.setPeriodicWave(this.waves[wave]);
      else oscillator.type = wave;
      oscillator.frequency.value = hertz;
      oscillator.detune.value = cents;
      oscillator.connect(filter);
      oscillator.start(when);
      oscillator.stop(end + release * 2);
    }
    filter.connect(gain).connect(bus);
  }

  drum(bus, pitch, velocity, when) {
    const loud = 0.5 * (velocity / 110) ** 1.5;
    if (pitch <= 36) return this.thump(bus, 130, 46, 0.22, loud * 1.4, when);
    if (pitch === 38 || pitch === 40 || pitch === 37 || pitch === 39) {
      this.thump(bus, 220, 150, 0.1, loud * 0.5, when);
      return this.hiss(bus, 'bandpass', 2400, pitch === 37 ? 0.03 : 0.14, loud * 0.8, when);
    }
    if ([41, 43, 45, 47, 48, 50].includes(pitch)) return this.thump(bus, 60 + (pitch - 40) * 14, 45 + (pitch - 40) * 9, 0.3, loud, when);
    if (pitch === 42 || pitch === 44) return this.hiss(bus, 'highpass', 7500, 0.04, loud * 0.4, when);
    if (pitch === 46) return this.hiss(bus, 'highpass', 7000, 0.25, loud * 0.4, when);
    if ([49, 51, 52, 53, 55, 57, 59].includes(pitch)) return this.hiss(bus, 'highpass', 5200, pitch === 49 || pitch === 57 ? 0.9 : 0.4, loud * 0.4, when);
    return this.hiss(bus, 'bandpass', 1200 + (pitch - 54) * 160, 0.06, loud * 0.5, when);
  }

  thump(bus, from, to, seconds, loud, when) {
    const oscillator = this.context.createOscillator(), gain = this.context.createGain();
    oscillator.frequency.setValueAtTime(from, when);
    oscillator.frequency.exponentialRampToValueAtTime(to, when + seconds / 3);
    gain.gain.setValueAtTime(loud, when);
    gain.gain.exponentialRampToValueAtTime(0.0008, when + seconds);
    oscillator.connect(gain).connect(bus);
    oscillator.start(when);
    oscillator.stop(when + seconds + 0.02);
  }

  hiss(bus, kind, hertz, seconds, loud, when) {
    const source = this.context.createBufferSource(), filter = this.context.createBiquadFilter(), gain = this.context.createGain();
    source.buffer = this.noise;
    source.loop = true;
    filter.type = kind;
    filter.frequency.value = Math.max(hertz, 200);
    gain.gain.setValueAtTime(loud, when);
    gain.gain.exponentialRampToValueAtTime(0.0008, when + seconds);
    source.connect(filter).connect(gain).connect(bus);
    source.start(when, (when * 7.3) % 0.9);
    source.stop(when + seconds + 0.02);
  }
}
