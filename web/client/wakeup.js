// Signs that the world may have changed while nobody looked: the network came back, the tab came to the front.

/**
 * Call `wake` at each; returns what ends that.
 * @param {() => void} wake
 */
export function onWakeUp(wake) {
  const shown = () => {
    if (globalThis.document?.visibilityState === 'visible') wake();
  };
  globalThis.addEventListener?.('online', wake);
  globalThis.document?.addEventListener('visibilitychange', shown);
  return () => {
    globalThis.removeEventListener?.('online', wake);
    globalThis.document?.removeEventListener('visibilitychange', shown);
  };
}
