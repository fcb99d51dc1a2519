// Signs that the world may have changed while nobody looked: the network came back, the tab came to the front or out of a
// freeze, or the machine slept.

/** How often the two clocks are compared, ms. */
const LOOK = 5000;
/** The wall clock went on for so much longer than the monotonic one, which stops in sleep on some systems, ms. */
const JUMP = 5000;

/**
 * Call `wake` at each; returns what ends that.
 * @param {() => void} wake
 */
export function onWakeUp(wake) {
  const { document } = globalThis;
  const shown = () => {
    if (document?.visibilityState === 'visible') wake();
  };
  const kept = (/** @type {Event & { persisted?: boolean }} */ { persisted }) => {
    if (persisted) wake(); // not the first show
  };
  const skew = () => Date.now() - performance.now();
  let last = skew();
  const look = () => {
    const before = last;
    last = skew();
    if (Math.abs(last - before) > JUMP) wake();
  };
  const timer = setInterval(look, LOOK);
  /** @type {{ unref?: () => void }} */ (timer).unref?.(); // Node may end
  globalThis.addEventListener?.('online', wake);
  globalThis.addEventListener?.('pageshow', kept);
  document?.addEventListener('visibilitychange', shown);
  document?.addEventListener('resume', wake);
  return () => {
    clearInterval(timer);
    globalThis.removeEventListener?.('online', wake);
    globalThis.removeEventListener?.('pageshow', kept);
    document?.removeEventListener('visibilitychange', shown);
    document?.removeEventListener('resume', wake);
  };
}
