// What is asked of the server. Addresses are relative: the token is the first part of the page's own.

async function answer(response) {
  const said = await response.json().catch(() => ({ error: `the studio answered ${response.status}` }));
  if (!response.ok) throw new Error(said.error || `the studio answered ${response.status}`);
  return said;
}

export const get = async (where) => answer(await fetch(where));

export const post = async (where, what) =>
  answer(await fetch(where, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(what) }));

export const open = async (file) =>
  answer(await fetch('open', { method: 'POST', headers: { 'Content-Type': 'audio/midi', 'X-Name': encodeURIComponent(file.name) }, body: file }));

export const midi = (take) => new URL(`takes/${take}/take-${take}.mid`, location.href).href;

export function listen(heard, lost) {
  const events = new EventSource('events');
  events.onmessage = (event) => heard(JSON.parse(event.data));
  events.onerror = () => lost(events.readyState);
  events.onopen = () => lost(EventSource.OPEN);
  return events;
}
