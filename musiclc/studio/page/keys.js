// The keyboard. Keys act unless something is typed into; space and enter stay with the button that has the focus.

const KEYS = [
  ['Space', 'play, pause', (k) => k.key === ' ', 'play'],
  ['.', 'stop, back to the beginning', (k) => k.key === '.', 'stop'],
  ['← →', 'one bar back, on', (k) => !k.shiftKey && k.key.startsWith('Arrow') && side(k), (act, k) => act.step(side(k), false)],
  ['Shift ← →', 'select bars', (k) => k.shiftKey && k.key.startsWith('Arrow') && side(k), (act, k) => act.step(side(k), true)],
  ['Home End', 'first bar, last bar', (k) => k.key === 'Home' || k.key === 'End', (act, k) => act.edge(k.key === 'End')],
  ['↑ ↓', 'newer take, older take', (k) => k.key === 'ArrowUp' || k.key === 'ArrowDown', (act, k) => act.takes(k.key === 'ArrowUp' ? -1 : 1)],
  ['Delete, Esc', 'clear the drawing, then the selection', (k) => ['Delete', 'Backspace', 'Escape'].includes(k.key), 'clear'],
  ['Ctrl A', 'select all bars', (k) => ctrl(k, 'a'), 'all'],
  ['W', 'write a new piece', (k) => plain(k, 'w'), 'write'],
  ['R', 'regenerate the selected bars', (k) => plain(k, 'r'), 'infill'],
  ['M', 'more bars: continue', (k) => plain(k, 'm'), 'more'],
  ['V', 'vary', (k) => plain(k, 'v'), 'vary'],
  ['F', 'transform by the goals', (k) => plain(k, 'f'), 'transform'],
  ['D', 'draw a line', (k) => plain(k, 'd'), 'line'],
  ['T', 'tap a rhythm', (k) => plain(k, 't'), 'rhythm'],
  ['Enter', 'fill what is drawn', (k) => k.key === 'Enter', 'fill'],
  ['L', 'lock, unlock bars', (k) => plain(k, 'l'), 'lock'],
  ['J', 'loop the selection', (k) => plain(k, 'j'), 'loop'],
  ['B', 'A/B: the take that was shown before, and back', (k) => plain(k, 'b'), 'swap'],
  ['S', 'star', (k) => plain(k, 's'), 'star'],
  ['Ctrl Z', 'undo', (k) => ctrl(k, 'z') && !k.shiftKey, 'undo'],
  ['Ctrl Shift Z, Ctrl Y', 'redo', (k) => (ctrl(k, 'z') && k.shiftKey) || ctrl(k, 'y'), 'redo'],
  ['O', 'open a file', (k) => plain(k, 'o'), 'open'],
  ['E', 'export as MIDI', (k) => plain(k, 'e'), 'save'],
  ['C', 'copy as command', (k) => plain(k, 'c'), 'copy'],
  ['?', 'this list', (k) => k.key === '?', 'help'],
];

const side = (k) => (k.key === 'ArrowLeft' ? -1 : k.key === 'ArrowRight' ? 1 : 0);
const ctrl = (k, letter) => (k.ctrlKey || k.metaKey) && k.key.toLowerCase() === letter;
const plain = (k, letter) => !k.ctrlKey && !k.metaKey && !k.altKey && k.key.toLowerCase() === letter;

export function bindKeys(list, act) {
  for (const [keys, what] of KEYS) {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = keys;
    dd.textContent = what;
    list.append(dt, dd);
  }
  addEventListener('keydown', (event) => {
    const on = event.target instanceof Element ? event.target : document.body;
    if (event.isComposing || document.querySelector('dialog[open]') || on.matches('input:not([type=checkbox], [type=radio]), textarea, select')) return;
    const pressing = on.matches('button, a, summary, input');
    if (pressing && [' ', 'Enter'].includes(event.key)) return;
    if (on.matches('input') && event.key.startsWith('Arrow')) return;
    const found = KEYS.find(([, , is]) => is(event));
    if (!found || (event.altKey && found[3] !== 'help')) return;
    event.preventDefault();
    if (typeof found[3] === 'function') found[3](act, event); else act[found[3]]();
  });
}
