// The library with the core's module inside: one file, for bundlers that emit no .wasm, and for pages opened from disk.
import bytes from '../../dist/wasmqtt.wasm';
import { setDefaultTimerWorker } from './timer.js';
import { setDefaultWasm } from './wasm.js';

setDefaultWasm(bytes);
setDefaultTimerWorker(false); // a bundler copies no file for it

export * from './index.js';
export { default } from './index.js';
