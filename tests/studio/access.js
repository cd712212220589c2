// Faults that need no library: controls without a name, text with too little contrast (WCAG 2.1 AA), duplicate ids.
(() => {
  const faults = [], visible = (e) => e.offsetParent !== null && !e.closest('[hidden], .hidden, .skip, dialog:not([open])');
  const rgba = (text) => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { const s = v / 255; return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (let at = e; at; at = at.parentElement) { const c = rgba(getComputedStyle(at).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  for (const e of document.querySelectorAll('button, a[href], input, select, textarea, [tabindex]')) {
    if (!visible(e)) continue;
    const label = e.labels?.[0]?.textContent || e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby')).textContent) || e.textContent;
    if (!label.trim()) faults.push(`no name: ${e.outerHTML.slice(0, 90)}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !visible(e) || e.closest('select') || (e.closest('button')?.disabled && false)) continue;
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(ground(e))], ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${e.tagName} ${texts.currentNode.textContent.trim().slice(0, 40)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids.filter((each, i) => ids.indexOf(each) !== i))) faults.push(`id twice: ${id}`);
  return faults;
})()
