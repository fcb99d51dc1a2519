// What a received message costs, from the WebSocket's message event to the handler: QoS 0, 32 packets in each WebSocket
// message, 64-byte payloads, 1000 topics. Compared with a bare walk over the packets' headers in JavaScript, in the same
// run. Prints nanoseconds a message, the ratio to the walk, and the nanoseconds without the part that making the
// WebSocket message's buffer takes in every row.
//
//   node tests/bench/inbound.js                in Node
//   node tests/bench/inbound.js --chromium     in headless Chromium, the WebSocket replaced in the page
import { measure } from './inbound_measure.js';

/** @param {Awaited<ReturnType<typeof measure>>} result */
function print({ engine, buffers, rows }) {
  console.log(`${engine}; ${buffers.name}: ${buffers.nanoseconds.toFixed(0)} ns a message`);
  for (const { name, nanoseconds, ratio } of rows) {
    const [all, net] = [nanoseconds, nanoseconds - buffers.nanoseconds].map((ns) => ns.toFixed(0).padStart(6));
    console.log(`  ${name.padEnd(34)} ${all} ns a message   x ${ratio.toFixed(2).padStart(5)}   net ${net} ns`);
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
