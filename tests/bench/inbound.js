// What a received message costs, from the WebSocket's message event to the handler: QoS 0, 32 packets in each WebSocket
// message, 64-byte payloads, 1000 topics. Compared with a bare walk over the packets' headers in JavaScript, in the same
// run. Prints nanoseconds a message, and the ratio.
//
//   node tests/bench/inbound.js                in Node
//   node tests/bench/inbound.js --chromium     in headless Chromium, the WebSocket replaced in the page
import { measure } from './inbound_measure.js';

/** @param {Awaited<ReturnType<typeof measure>>} result */
function print({ engine, rows }) {
  console.log(engine);
  for (const { name, nanoseconds, ratio } of rows) {
    console.log(`  ${name.padEnd(34)} ${nanoseconds.toFixed(0).padStart(6)} ns a message   x ${ratio.toFixed(2)}`);
  }
}

if (process.argv.includes('--chromium')) {
  const { inChromium } = await import('./inbound_chromium.js');
  print(await inChromium());
} else {
  const { connect } = await import('../../web/client/index.js');
  const wasm = new URL('../../dist/wasmqtt.wasm', import.meta.url);
  print(await measure(connect, wasm, `Node ${process.version}`));
}
