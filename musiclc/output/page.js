"use strict";
// Sorting, searching, piano rolls drawn when they come into view, and a small synthesiser. No library, no network.
// A row's notes are numbers by five: start, length (both ms), pitch, velocity, track (-1: drums); bars are ms; sections, where there is a form,
// are pairs: ms, name.
(() => {
  const notes = JSON.parse(document.getElementById("notes").textContent);
  const body = document.querySelector("tbody");
  const rows = Array.from(body.rows);
  const said = document.getElementById("said");
  const find = document.getElementById("find");
  const unmet = document.getElementById("unmet");
  const of = row => notes[Number(row.dataset.row)];

  // ---- sorting and searching
  const compare = (a, b, column, sign) => {
    const x = a.cells[column].dataset.v, y = b.cells[column].dataset.v;
    if (x === "" || y === "") return (x === "") - (y === "");  // what has no value stays at the end either way
    const p = Number(x), q = Number(y);
    const order = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y, "en", {numeric: true}) : p - q;
    return sign * order;
  };
  document.querySelectorAll("thead button").forEach(button => button.addEventListener("click", () => {
    const cell = button.parentElement;
    const rising = cell.getAttribute("aria-sort") !== "ascending";
    document.querySelectorAll("thead th[aria-sort]").forEach(other => other.removeAttribute("aria-sort"));
    cell.setAttribute("aria-sort", rising ? "ascending" : "descending");
    rows.sort((a, b) => compare(a, b, cell.cellIndex, rising ? 1 : -1) || Number(a.dataset.row) - Number(b.dataset.row));
    body.append(...rows);
    said.textContent = `sorted by ${button.textContent}, ${rising ? "smallest" : "largest"} first`;
  }));
  const sift = () => {
    const word = find.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !(row.dataset.find.toLowerCase().includes(word) && (!unmet.checked || row.dataset.met === "no"));
      shown += !row.hidden;
    }
    said.textContent = shown < rows.length ? `${shown} of ${rows.length} shown` : "";
  };
  find.addEventListener("input", sift);
  unmet.addEventListener("change", sift);

  // ---- piano rolls
  const HEIGHT = 52, LABELS = 10;
  const width = ({bars}) => bars.length > 9 ? 520 : 260;  // as page.css has them
  const shape = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const draw = row => {
    const {n, bars, ms, sections = []} = of(row);
    const cell = row.querySelector(".roll");
    if (!n.length || cell.firstElementChild) return;
    const pitches = n.filter((_, i) => i % 5 === 2);
    const low = pitches.reduce((a, b) => Math.min(a, b)), high = pitches.reduce((a, b) => Math.max(a, b));
    const span = Math.max(high - low + 1, 12), foot = low - (span - (high - low + 1)) / 2;
    const wide = width(of(row)), step = (HEIGHT - 4 - (sections.length ? LABELS : 0)) / span, x = time => wide * time / ms;
    const svg = shape("svg", {viewBox: `0 0 ${wide} ${HEIGHT}`, "aria-hidden": "true"});
    cell.classList.toggle("long", wide > 260);
    for (const bar of bars) if (bar > 0 && bar < ms) svg.append(shape("line", {class: "bar", x1: x(bar), x2: x(bar), y1: 0, y2: HEIGHT}));
    for (let i = 0; i < n.length; i += 5) {
      svg.append(shape("rect", {
        class: n[i + 4] < 0 ? "drum" : `t${n[i + 4] % 4}`, x: x(n[i]), y: HEIGHT - 2 - (n[i + 2] - foot + 1) * step,
        width: Math.max(x(n[i + 1]) - 0.5, 1), height: Math.max(step - 0.4, 1.4), rx: 0.6,
      }));
    }
    for (const [time, name] of sections) {
      const label = shape("text", {class: "section", x: x(time) + 3, y: LABELS - 1});
      label.textContent = name;
      svg.append(shape("line", {class: "section", x1: x(time), x2: x(time), y1: 0, y2: HEIGHT}), label);
    }
    cell.append(svg);
  };
  const watcher = new IntersectionObserver(seen => {
    for (const {isIntersecting, target} of seen) if (isIntersecting) { watcher.unobserve(target); draw(target); }
  }, {rootMargin: "300px"});
  rows.forEach(row => watcher.observe(row));
  addEventListener("beforeprint", () => rows.forEach(draw));

  // ---- sound: a soft electric piano of two sines, a click for drums
  let playing = null;
  const voice = (player, at, length, pitch, velocity, drum) => {
    const {audio, out} = player, hertz = drum ? 180 : 440 * 2 ** ((pitch - 69) / 12), loud = 0.22 * velocity / 127;
    const end = at + (drum ? 0.06 : Math.max(length, 0.05));
    for (const [ratio, share, fall] of drum ? [[1, 1, 0.03]] : [[1, 1, 0.9], [2, 0.35, 0.35], [3, 0.12, 0.15]]) {
      const tone = audio.createOscillator(), gain = audio.createGain();
      tone.type = drum ? "square" : "sine";
      tone.frequency.value = hertz * ratio;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(loud * share, at + 0.008);
      gain.gain.setTargetAtTime(loud * share * 0.25, at + 0.008, fall);
      gain.gain.setTargetAtTime(0, end, 0.04);
      tone.connect(gain).connect(out);
      tone.start(at);
      tone.stop(end + 0.3);
    }
  };
  const ahead = player => {  // notes of the next second only, so that a long file costs no more than a short one
    const {n, ms} = player.data, now = player.audio.currentTime - player.begin;
    while (player.next < n.length && n[player.next] / 1000 < now + 1) {
      const i = player.next;
      voice(player, player.begin + n[i] / 1000, n[i + 1] / 1000, n[i + 2], n[i + 3], n[i + 4] < 0);
      player.next += 5;
    }
    if (now > ms / 1000 + 0.4) stop();
  };
  const move = player => {
    if (playing !== player) return;
    const x = width(player.data) * Math.max(player.audio.currentTime - player.begin, 0) * 1000 / player.data.ms;
    player.head.setAttribute("x1", x);
    player.head.setAttribute("x2", x);
    requestAnimationFrame(() => move(player));
  };
  const stop = () => {
    if (!playing) return;
    clearInterval(playing.timer);
    playing.head.remove();
    playing.row.classList.remove("playing");
    playing.button.setAttribute("aria-pressed", "false");
    playing.button.textContent = "▶";
    const {audio, out} = playing;
    out.gain.setTargetAtTime(0, audio.currentTime, 0.02);
    setTimeout(() => audio.close(), 150);
    playing = null;
    said.textContent = "";
  };
  const play = async (row, button) => {
    const audio = new AudioContext(), out = audio.createGain(), limit = audio.createDynamicsCompressor();
    out.connect(limit).connect(audio.destination);
    draw(row);
    const head = shape("line", {class: "head", x1: 0, x2: 0, y1: 0, y2: HEIGHT});
    row.querySelector("svg").append(head);
    row.classList.add("playing");
    button.setAttribute("aria-pressed", "true");
    button.textContent = "■";
    said.textContent = `playing ${row.dataset.file}`;
    const player = {audio, out, row, button, head, data: of(row), next: 0, begin: Infinity, timer: 0};
    playing = player;
    await audio.resume();
    if (playing !== player) return;  // stopped while the sound card woke up
    player.begin = audio.currentTime + 0.08;
    player.timer = setInterval(() => ahead(player), 200);
    ahead(player);
    move(player);
  };
  body.addEventListener("click", event => {
    const button = event.target.closest("button.play");
    if (!button) return;
    const row = button.closest("tr"), again = playing !== null && playing.row === row;
    stop();
    if (!again) play(row, button);
  });
  document.addEventListener("keydown", event => {
    if (event.key === "Escape") stop();
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && document.activeElement.matches("button.play")) {
      const buttons = Array.from(body.querySelectorAll("tr:not([hidden]) button.play"));
      const next = buttons[buttons.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) { event.preventDefault(); next.focus(); }
    }
  });
})();
