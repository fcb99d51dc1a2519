/** The one place where the dashboard meets the library; the one-file build takes the entries with the wasm inside here. */

export { connect, MqttError } from '../client/index.js';

export const loadServices = () => import('../providers/index.js');
