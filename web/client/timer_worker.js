// The worker dist/worker.js: a timer and nothing else. Browsers let the timers of a hidden page ring once a minute at worst,
// those of its workers when they should. In comes [id, ms]: ring so long from now, in place of what that id waited for; out
// goes the id.

/** @type {Map<number, ReturnType<typeof setTimeout>>} */
const timers = new Map();

onmessage = ({ data: [id, after] }) => {
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => postMessage(id), after),
  );
};
