// Azure's Device Provisioning Service: a device that signs in with the key of an enrolment asks for a hub, waits, and is told.
import { randomBytes, randomUUID } from 'node:crypto';
import { Expired, deviceKey, readToken } from './azure_sas.js';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./server.js').Packet} Packet */

const ANSWERS = '$dps/registrations/res/#';
const REQUEST = /^\$dps\/registrations\/(PUT\/iotdps-register|GET\/iotdps-get-operationstatus)\/\?(.*)$/;

/**
 * Where devices are sent: a stand-in of a hub, or anything with a host and room for a device.
 * @typedef {{ host: string, cloud: { add(device: string, key: string): unknown } }} Hub
 *
 * @typedef {object} Enrolment
 * @property {string} key base64
 * @property {'assigned' | 'failed' | 'disabled'} outcome
 * @property {string} [device] its id at the hub, if it is not the registration id
 */

export class AzureDps extends CloudServer {
  /** @override */ paths = ['/$iothub/websocket'];
  /** @override */ retains = false;
  /** @override */ wills = false;

  #hub;
  #retryAfter;
  #polls;
  #groupKey;
  /** @type {Map<string, Enrolment>} individual ones, by registration id */ #enrolments = new Map();
  /** @type {Map<string, { left: number, id: string }>} polls that are answered with "assigning", by operation */
  #operations = new Map();
  /** @type {number[]} statuses of the next requests */ #failing = [];
  #expired = new Expired();

  /** What the service's side can do. */
  cloud = {
    /** An individual enrolment. Returns its key. @param {string} id registration id @param {string} [key] base64 */
    enrol: (id, key = randomBytes(32).toString('base64')) => {
      this.#enrolments.set(id, { key, outcome: 'assigned' });
      return key;
    },
    /**
     * How that registration is to end, and those of the same device after it.
     * @param {string} id @param {Enrolment['outcome']} outcome @param {string} [device] its id at the hub
     */
    decide: (id, outcome, device) => {
      this.#enrolments.set(id, { key: this.#keyOf(id), outcome, device });
    },
    /** The next request is answered with that status. @param {number} status 401, 429, 500... */
    fail: (status) => void this.#failing.push(status),
  };

  /** What to fill in, with the key of an individual enrolment; of a group. */
  form = { auth: 'dps', 'dps-host': '', 'id-scope': '0ne00000000', device: 'reg-1', key: '' };
  groupForm = { auth: 'dps-group', 'dps-host': '', 'id-scope': '0ne00000000', device: 'reg-2', key: '' };

  /** @param {{ hub: Hub, retryAfter: number, polls: number }} options */
  constructor({ hub, retryAfter, polls }) {
    super();
    this.#hub = hub;
    this.#retryAfter = retryAfter;
    this.#polls = polls;
    this.#groupKey = this.groupForm.key = randomBytes(32).toString('base64');
    this.form.key = this.cloud.enrol(this.form.device);
  }

  /** @param {string} id registration id */
  #keyOf(id) {
    return this.#enrolments.get(id)?.key ?? deviceKey(this.#groupKey, id);
  }

  // ------------------------------------------------------------------------------------------------ connections

  /** @override @param {Connection} connection @param {Packet} packet */
  authenticate(connection, { clientId, username, password }) {
    const refuse = (/** @type {number} */ code, /** @type {string} */ what) => {
      this.violation('credentials', what);
      return code;
    };
    const own = `${this.form['id-scope']}/registrations/${clientId}`;
    const name = `${username}`;
    if (!name.startsWith(`${own}/`) || !/^api-version=20\d\d-\d\d-\d\d(&.*)?$/.test(name.slice(own.length + 1))) {
      return refuse(4, 'the user name is not SCOPE/registrations/CLIENT/api-version=DATE');
    }
    const token = readToken(`${password ?? ''}`, ({ resource, policy }) =>
      resource === own && policy === 'registration' ? [this.#keyOf(clientId)] : [],
    );
    if (!token || this.#expired.has(`${password}`)) return refuse(5, 'the token is not good for this registration');
    connection.identity = { expires: token.expires };
    return 0;
  }

  /** @override @param {Connection} connection */
  connected(connection) {
    connection.expiresAt(connection.identity.expires * 1000);
  }

  /** @override */
  expireNow() {
    this.#expired.now();
    super.expireNow();
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  subscribe(connection, packet) {
    const wrong = packet.subscriptions.find((/** @type {any} */ { topic }) => topic !== ANSWERS);
    if (wrong) return this.violated(connection, 'filter', `${wrong.topic} is not ${ANSWERS}`);
    return packet.subscriptions.map((/** @type {any} */ { qos }) => Math.min(qos, 1));
  }

  // ------------------------------------------------------------------------------------------------ requests

  /** @override @param {Connection} connection @param {Packet} packet */
  publish(connection, { topic, payload, qos }) {
    const [, kind, query] = REQUEST.exec(topic) ?? [];
    const fields = new URLSearchParams(query);
    const request = fields.get('$rid');
    if (qos === 2 || !request) return this.violated(connection, 'topic', `${topic} with QoS ${qos}`);
    const status = this.#failing.shift();
    if (status !== undefined) this.#refuse(connection, request, status, 'it failed');
    else if (kind.startsWith('PUT')) this.#register(connection, request, payload);
    else this.#poll(connection, request, fields.get('operationId') ?? '');
    return 0;
  }

  /** @param {Connection} connection @param {string} request @param {Buffer} payload */
  #register(connection, request, payload) {
    const id = connection.clientId;
    let body;
    try {
      body = JSON.parse(`${payload}`);
    } catch {
      body = undefined;
    }
    if (body?.registrationId !== id) return this.#refuse(connection, request, 400, `registrationId is not ${id}`);
    const operationId = `5.${randomBytes(8).toString('hex')}.${randomUUID()}`;
    this.#operations.set(operationId, { left: this.#polls, id });
    this.#answer(connection, request, 202, { operationId, status: 'assigning' });
  }

  /** @param {Connection} connection @param {string} request @param {string} operationId */
  #poll(connection, request, operationId) {
    const operation = this.#operations.get(operationId);
    const id = connection.clientId;
    if (operation?.id !== id) return this.#refuse(connection, request, 404, 'no such operation');
    if (operation.left-- > 0) return this.#answer(connection, request, 202, { operationId, status: 'assigning' });
    const { outcome: status = 'assigned', device = id } = this.#enrolments.get(id) ?? {};
    const registrationState = /** @type {any} */ ({ registrationId: id, status });
    if (status === 'assigned') {
      this.#hub.cloud.add(device, this.#keyOf(id));
      Object.assign(registrationState, {
        assignedHub: this.#hub.host,
        deviceId: device,
        substatus: 'initialAssignment',
        createdDateTimeUtc: new Date().toISOString(),
        lastUpdatedDateTimeUtc: new Date().toISOString(),
      });
    } else if (status === 'failed') {
      Object.assign(registrationState, { errorCode: 400207, errorMessage: 'Custom allocation failed' });
    }
    this.#answer(connection, request, 200, { operationId, status, registrationState });
  }

  /** @param {Connection} connection @param {string} request @param {number} status @param {string} message */
  #refuse(connection, request, status, message) {
    const body = {
      errorCode: status * 1000 + 2,
      trackingId: randomUUID(),
      message,
      timestampUtc: new Date().toISOString(),
    };
    this.#answer(connection, request, status, body);
  }

  /** @param {Connection} connection @param {string} request @param {number} status @param {object} body */
  #answer(connection, request, status, body) {
    const granted = connection.session.subscriptions.get(ANSWERS);
    if (granted === undefined) return;
    const retry = status === 202 || status >= 429 ? `&retry-after=${this.#retryAfter}` : '';
    const topic = `$dps/registrations/res/${status}/?$rid=${encodeURIComponent(request)}${retry}`;
    connection.publish({ topic, payload: JSON.stringify(body), qos: granted });
  }

  /** @override */
  async listen(/** @type {Parameters<CloudServer['listen']>[0]} */ options) {
    await super.listen(options);
    for (const form of [this.form, this.groupForm]) form['dps-host'] = this.host;
    return this;
  }
}

/**
 * Start one.
 * @param {object} options
 * @param {Hub} options.hub where devices are sent; an assigned device is added to it, with its key
 * @param {number} [options.retryAfter] seconds that a device is asked to wait
 * @param {number} [options.polls] how often it is told to go on waiting
 * @param {number} [options.port]
 * @param {boolean} [options.tls] default true
 */
export async function startAzureDps({ hub, retryAfter = 1, polls = 1, port, tls = true }) {
  return new AzureDps({ hub, retryAfter, polls }).listen({ port, tls });
}
