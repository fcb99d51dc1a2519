// What web/build.js puts into the bundles.

// A .wasm file: its bytes.
declare module '*.wasm' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}

/** The text of dist/worker.js, for disk.js. */
declare const TIMER_WORKER: string;
