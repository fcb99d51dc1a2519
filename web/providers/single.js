// The services with their module inside: one file, for bundlers that emit no .wasm, and for pages opened from disk.
import bytes from '../../dist/providers.wasm';
import { setDefaultWasm } from './wasm.js';

setDefaultWasm(bytes);

export * from './index.js';
