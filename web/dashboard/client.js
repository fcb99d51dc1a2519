/** The one place where the dashboard meets the client; the one-file build takes the entry with the wasm inside here. */

export { connect, MqttError } from '../client/index.js';
