// The public interface: everything that a web app, a worker or a Node program uses.
import { Client as ClientClass } from './client.js';
import { MqttError } from './errors.js';
import { scramSha256 } from './scram.js';
import { Settling } from './settle.js';
import { memoryStore } from './store.js';

export { memoryStore, MqttError, scramSha256 };

/** @typedef {ClientClass} Client */
/** @typedef {import('./types.js').ConnectInfo} ConnectInfo */
/** @typedef {import('./types.js').Negotiated} Negotiated */
/** @typedef {import('./types.js').Stats} Stats */
/** @typedef {import('./types.js').State} State */
/** @typedef {import('./types.js').ClientEvents} ClientEvents */
/** @typedef {import('./types.js').PacketInfo} PacketInfo */
/** @typedef {import('./message.js').Message} Message */
/** @typedef {import('./subscription.js').Subscription} Subscription */
/** @typedef {import('./options.js').ClientOptions} ClientOptions */
/** @typedef {import('./profile.js').Profile} Profile */
/** @typedef {import('./profile.js').ProfileLogin} ProfileLogin */
/** @typedef {import('./profile.js').ProfileRules} ProfileRules */
/** @typedef {import('./profile.js').ProfileFinding} ProfileFinding */
/** @typedef {import('./auth.js').Authentication} Authentication */
/** @typedef {import('./auth.js').AuthenticationDialogue} AuthenticationDialogue */
/** @typedef {import('./auth.js').AuthenticationAnswer} AuthenticationAnswer */
/** @typedef {import('./auth.js').AuthenticationInfo} AuthenticationInfo */
/** @typedef {import('./outbox.js').PublishOptions} PublishOptions */
/** @typedef {import('./outbox.js').PublishResult} PublishResult */
/** @typedef {import('./outbox.js').Payload} Payload */
/** @typedef {import('./subscriptions.js').SubscribeOptions} SubscribeOptions */
/** @typedef {import('./subscriptions.js').UnsubscribeOptions} UnsubscribeOptions */
/** @typedef {import('./subscriptions.js').FilterResult} FilterResult */
/** @typedef {import('./inbox.js').AckOptions} AckOptions */
/** @typedef {import('./request.js').RequestOptions} RequestOptions */
/** @typedef {import('./properties.js').Properties} Properties */
/** @typedef {import('./store.js').Store} Store */
/** @typedef {import('./store.js').StoreSession} StoreSession */
/** @typedef {import('./store.js').StoreChange} StoreChange */
/** @typedef {import('./socket.js').WebSocketLike} WebSocketLike */

/**
 * @typedef {object} ConnectOptions
 * @property {AbortSignal} [signal] gives up: the promise rejects with code 'aborted', and nothing is left behind. Once there
 *   is a client it does nothing
 */

/**
 * Connect by URL, trying each once, or by a profile (wasmqtt/providers makes them for IoT services); connectTimeout is for
 * each. Resolves when the server has accepted; rejects with an MqttError that says what happened and what to try, and leaves
 * nothing behind. Later losses are followed by reconnecting.
 * @param {import('./options.js').Target} target ws:// or wss://, or a profile
 * @param {import('./options.js').ClientOptions & ConnectOptions} [options]
 * @returns {Promise<Client>}
 */
export async function connect(target, { signal, ...options } = {}) {
  const client = new ClientClass(target, options, true);
  return new Settling('open', { signal }, () => void client.end({ force: true })).follow(client.ready);
}

/**
 * A client at once, which connects by itself and goes on trying as its option `reconnect` says. Subscriptions and messages
 * with QoS 1 and 2 may be given to it already; `client.ready` resolves with the first connection. Throws an MqttError only
 * for options that cannot be.
 * @param {import('./options.js').Target} target ws:// or wss://, or a profile
 * @param {import('./options.js').ClientOptions} [options]
 * @returns {Client}
 */
export function createClient(target, options = {}) {
  return new ClientClass(target, options, false);
}

export default { connect, createClient, memoryStore, scramSha256, MqttError };
