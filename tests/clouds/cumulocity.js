// Cumulocity's core MQTT: user and password, registration of new devices, SmartREST on its own topics, and CONNACK in the
// middle of a session where something is wrong. The tenant's data are in cumulocity_tenant.js.
import { randomBytes } from 'node:crypto';
import { read, write } from '../provider/smartrest_other.js';
import { Collection } from './cumulocity_templates.js';
import { RowError, Tenant } from './cumulocity_tenant.js';
import { CloudServer } from './server.js';

/** @typedef {import('./connection.js').Connection} Connection */
/** @typedef {import('./server.js').Packet} Packet */
/** @typedef {import('./cumulocity_tenant.js').Mode} Mode */

/** Largest packet, header and body. */
const MAX_PACKET = 16184;
const DOWN = /^(s\/(ds|dt|dd|dcr|dat|e|dc\/[^/+#]+)|error|devicecontrol\/notifications)$/;
const JSON_TOPIC =
  /^(?:([tqc])\/)?(?:measurement\/(measurements)|event\/(events)|alarm\/(alarms)|inventory\/(managedObjects))\/(create|createBulk|update|delete)(?:\/([^/]+))?$/;

/** Of a PUBLISH that came: its header and all. @param {Packet} packet */
function sizeOf({ length = 0 }) {
  return length + (length < 128 ? 2 : length < 16384 ? 3 : 4);
}

/** @param {string[]} row */
const line = (row) => `${write(row, false)}\n`;

export class Cumulocity extends CloudServer {
  /** @override */ versions = [3, 4];
  /** @override */ subprotocols = ['mqtt', 'mqttv3.1'];
  /** @override */ retains = false;
  /** @override */ sessionSeconds = 0;

  tenant = new Tenant();
  /** Devices that asked for credentials: external id -> what they are to get, once an operator has accepted them. */
  #registrations = /** @type {Map<string, string[] | undefined>} */ (new Map());
  /** @type {Map<string, Collection>} by X-ID */
  #collections = new Map();
  /** @type {Map<string, string>} passwords, by "tenant/user" */
  #users = new Map();
  #bootstrap;
  #refuseNext = 0;

  /** What the platform and its operators can do. */
  cloud = {
    /** Devices, measurements, alarms, events and operations. */
    tenant: this.tenant,
    /**
     * An operation of a static template; the device is told if it is there and has subscribed.
     * @param {string} device external id
     * @param {string | number} message id, 510 to 530
     * @param {...string} fields
     */
    operation: (device, message, ...fields) =>
      this.#operate(this.tenant.createOperation(this.tenant.device(device), { message: `${message}`, fields })),
    /**
     * An operation with a fragment of one's own, told to subscribers of template collections and of JSON.
     * @param {string} device external id
     * @param {string} fragment
     * @param {any} value
     */
    customOperation: (device, fragment, value) =>
      this.#operate(this.tenant.createOperation(this.tenant.device(device), { fragment, value })),
    /** Devices that wait for an operator to accept them. */
    registrations: () => [...this.#registrations].flatMap(([id, made]) => (made ? [] : [id])),
    /** Accept a device: it gets its credentials when it asks next. @param {string} device external id */
    accept: (device) => {
      if (!this.#registrations.has(device)) throw new Error(`${device} has not asked`);
      const user = [this.form.tenant, `device_${device}`, randomBytes(12).toString('base64url')];
      this.#registrations.set(device, user);
      this.#users.set(`${user[0]}/${user[1]}`, user[2]);
    },
    /** A second CONNACK in the middle of a session, and the end of it. @param {string} device @param {number} code */
    refuse: (device, code) => this.#connectionOf(device)?.refuse(code),
    /** The next CONNECT is refused, whatever it says. @param {number} code */
    refuseNext: (code) => (this.#refuseNext = code),
  };

  /** What to fill in. */
  form = {
    host: '',
    auth: 'password',
    tenant: 't12345',
    username: '',
    password: '',
    device: '',
    template: '',
    tls: '1',
  };
  /** The same to register a new device. */
  bootstrapForm = {
    host: '',
    auth: 'bootstrap',
    'bootstrap-user': 'management/devicebootstrap',
    password: '',
    device: '',
    tls: '1',
  };

  /** @param {{ device: string, password: string }} options */
  constructor({ device, password }) {
    super();
    Object.assign(this.form, { device, password, username: `device_${device}` });
    Object.assign(this.bootstrapForm, { device: `${device}-new`, password: randomBytes(12).toString('base64url') });
    this.#users.set(`${this.form.tenant}/${this.form.username}`, password);
    this.#bootstrap = this.bootstrapForm['bootstrap-user'];
    this.#users.set(this.#bootstrap, this.bootstrapForm.password);
  }

  // ------------------------------------------------------------------------------------------------ connections

  /** @override @param {Connection} connection @param {Packet} packet */
  authenticate(connection, { clientId, clean, username, password, protocolVersion }) {
    const refuse = (/** @type {number} */ code, /** @type {string} */ rule, /** @type {string} */ what) => {
      this.violation(rule, what);
      return code;
    };
    const code = this.#refuseNext;
    this.#refuseNext = 0;
    if (code) return code;
    const parts = clientId.split(':');
    const [type, device, template] = parts.length === 1 ? ['d', clientId, ''] : [parts[0], parts[1], parts[2] ?? ''];
    if (type !== 'd' || !device || parts.length > 3) return refuse(2, 'client id', `${clientId} names no device`);
    if (protocolVersion === 3 && clientId.length >= 24) return refuse(5, 'client id', 'too long for MQTT 3.1');
    if (!clean) return refuse(5, 'clean session', 'it must be 1');
    if (!password || password.length === 0) return refuse(5, 'credentials', 'there is no password');
    if (this.#users.get(`${username}`) !== `${password}`) return refuse(4, 'credentials', `wrong for ${username}`);
    connection.identity = { device, template, bootstrap: username === this.#bootstrap };
    return 0;
  }

  /** One connection for a device, however its client id is written. @override @param {Connection} connection */
  sessionKey(connection) {
    return connection.identity.device;
  }

  /** Permissions that are gone. @override @param {Connection} connection */
  expired(connection) {
    connection.refuse(5);
  }

  /** Who does what is forbidden. @param {Connection} connection @param {string} rule @param {string} what */
  #forbidden(connection, rule, what) {
    this.violation(rule, what);
    connection.refuse(5);
    return undefined;
  }

  /** @param {string} device external id, of a device or a child */
  #connectionOf(device) {
    const root = this.tenant.devices.get(device)?.root ?? device;
    return this.open().find(({ identity }) => identity.device === root);
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  subscribe(connection, packet) {
    const { bootstrap } = connection.identity;
    const wrong = packet.subscriptions.find(
      (/** @type {any} */ { topic }) => !DOWN.test(topic) || bootstrap !== (topic === 's/dcr'),
    );
    if (wrong) return this.#forbidden(connection, 'filter', `${wrong.topic} is not to be subscribed to`);
    return super.subscribe(connection, packet);
  }

  /** @override @param {Connection} connection @param {Packet} packet */
  publish(connection, packet) {
    const { topic, payload } = packet;
    const { device, template, bootstrap } = connection.identity;
    const size = sizeOf(packet);
    if (size > MAX_PACKET) return this.#forbidden(connection, 'packet size', `${size} bytes`);
    if (bootstrap !== (topic === 's/ucr')) return this.#forbidden(connection, 'topic', `${topic} is not for this user`);
    if (bootstrap) return this.#register(connection, payload);
    const [, mode, kind, name = ''] = /^([stqc])\/(us|ud|uc|ut|uat)(?:\/([^/]+))?$/.exec(topic) ?? [];
    const json = JSON_TOPIC.exec(topic);
    if (json) this.#json(connection, json, payload);
    else if (kind === 'us') this.#static(connection, /** @type {Mode} */ (mode), name, packet);
    else if (kind === 'ud' && template) this.#custom(connection, /** @type {Mode} */ (mode), template, name, packet);
    else if (kind === 'uc' && name) this.#custom(connection, /** @type {Mode} */ (mode), name, '', packet);
    else if (kind === 'ut' && name && mode === 's') this.#templates(connection, name, payload);
    else if (kind === 'uat') this.#error(connection, '', new RowError(50, 'A token is for devices with a certificate'));
    else return this.#forbidden(connection, 'topic', `${topic} is none for ${device}`);
    return 0;
  }

  // ------------------------------------------------------------------------------------------------ what devices ask for

  /** @param {Connection} connection @param {Buffer} payload */
  #register(connection, payload) {
    const { device } = connection.identity;
    if (payload.length > 0) return this.#forbidden(connection, 'payload', 's/ucr takes an empty one');
    const made = this.#registrations.get(device);
    if (!made) this.#registrations.set(device, undefined);
    else this.#tell(connection, 's/dcr', line(['70', ...made]));
    return 0;
  }

  // ------------------------------------------------------------------------------------------------ rows

  /**
   * Do each row of a message; what is wrong with one does not keep the others from being done.
   * @param {Connection} connection
   * @param {Packet} packet
   * @param {(row: string[]) => 'telemetry' | 'events' | 'state' | 'answers'} run
   */
  #rows(connection, packet, run) {
    const text = packet.payload.toString('latin1');
    for (const row of read(text)) {
      if (typeof row[0] === 'number') {
        const id = text.split('\n')[Number(row[1]) - 1].split(',')[0];
        this.#error(connection, id, new RowError(42, `Malformed line ${row[1]}, column ${row[2]}`));
        continue;
      }
      const fields = /** @type {string[]} */ (row).map((field) => Buffer.from(field, 'latin1').toString());
      try {
        const kind = run(fields);
        this.note(kind, connection.identity.device, { ...packet, payload: Buffer.from(write(fields, false)) });
      } catch (error) {
        if (!(error instanceof RowError)) throw error;
        this.#error(connection, fields[0], error);
      }
    }
  }

  /** @param {Connection} connection @param {Mode} mode @param {string} child @param {Packet} packet */
  #static(connection, mode, child, packet) {
    const root = connection.identity.device;
    /** @type {string[][]} */
    const replies = [];
    this.#rows(connection, packet, (row) => {
      this.tenant.run({ root, child, mode, replies }, row);
      return row[0] < '2' ? 'state' : row[0] < '3' ? 'telemetry' : row[0] < '5' ? 'events' : 'answers';
    });
    if (replies.length > 0) this.#tell(connection, 's/ds', replies.map(line).join(''));
  }

  /** @param {Connection} connection @param {Mode} mode @param {string} name X-ID @param {string} child @param {Packet} packet */
  #custom(connection, mode, name, child, packet) {
    const root = connection.identity.device;
    const call = { root, device: this.tenant.device(root, child), mode, replies: /** @type {string[][]} */ ([]) };
    this.#rows(connection, packet, (row) => {
      const collection = this.#collections.get(name);
      if (!collection) throw new RowError(40, `No template collection ${name}`);
      return collection.use(this.tenant, call, row);
    });
    if (call.replies.length > 0)
      this.#tell(connection, this.#downTopic(connection, name), call.replies.map(line).join(''));
  }

  /** Where a collection's answers go. @param {Connection} connection @param {string} name X-ID */
  #downTopic(connection, name) {
    const { template } = connection.identity;
    return template === name && connection.session.subscriptions.has('s/dd') ? 's/dd' : `s/dc/${name}`;
  }

  /** @param {Connection} connection @param {string} name X-ID @param {Buffer} payload */
  #templates(connection, name, payload) {
    const rows = read(payload.toString()).filter((row) => typeof row[0] === 'string');
    try {
      if (rows.length > 0 && this.#collections.has(name))
        throw new RowError(41, `${name} is there, and cannot be changed`);
      if (rows.length > 0) {
        this.#collections.set(name, new Collection(this.tenant.id(), /** @type {string[][]} */ (rows)));
      }
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      return this.#error(connection, name, error);
    }
    const known = this.#collections.get(name);
    this.#tell(connection, 's/dt', line(known ? ['20', name, known.id] : ['41', name]));
  }

  /**
   * JSON in place of SmartREST.
   * @param {Connection} connection
   * @param {RegExpExecArray} topic
   * @param {Buffer} payload
   */
  #json(connection, [, mode = 's', measurements, events, alarms, objects, verb, id], payload) {
    const { device } = connection.identity;
    const list = /** @type {'measurements' | 'events' | 'alarms' | undefined} */ (measurements ?? events ?? alarms);
    try {
      const root = this.tenant.device(device);
      if (verb === 'delete' && list) this.tenant[list] = this.tenant[list].filter((it) => it.id !== id);
      else {
        const parsed = JSON.parse(`${payload}`);
        const records = verb === 'createBulk' && list ? parsed[list] : [parsed];
        for (const record of records) {
          if (objects) Object.assign(root.fragments, record);
          else if (verb === 'update' && list) Object.assign(this.tenant[list].find((it) => it.id === id) ?? {}, record);
          else if (list) {
            const made = { id: this.tenant.id(), source: device, time: new Date().toISOString(), ...record };
            this.tenant.record(list, /** @type {Mode} */ (mode), made);
          }
          const kind = objects ? 'state' : measurements ? 'telemetry' : 'events';
          this.note(kind, device, { topic: '', payload: Buffer.from(JSON.stringify(record)), qos: 0 });
        }
      }
    } catch {
      this.violation('json', 'it cannot be read');
      const message = { error: 'general/internalError', message: 'Could not be read' };
      this.#tell(connection, 'error', JSON.stringify(message));
    }
  }

  // ------------------------------------------------------------------------------------------------ what devices are told

  /**
   * To a client that has subscribed to exactly that topic, with the QoS of its subscription.
   * @param {Connection} connection
   * @param {string} topic
   * @param {string} payload
   */
  #tell(connection, topic, payload) {
    const qos = connection.session.subscriptions.get(topic);
    if (qos !== undefined) connection.publish({ topic, payload, qos });
  }

  /** @param {Connection} connection @param {string} id of the template @param {RowError} error */
  #error(connection, id, error) {
    this.violation('row', `${error.code},${id},${error.message}`);
    this.#tell(connection, 's/e', `${error.code},${id},${error.message}`);
  }

  /** @param {import('./cumulocity_tenant.js').Operation} operation */
  #operate(operation) {
    const connection = this.#connectionOf(operation.device);
    if (!connection) return operation;
    const { id, device, fragment, value = {} } = operation;
    const object = { id, deviceId: device, status: operation.status, [fragment]: value };
    const rows = this.tenant.rows([operation]);
    if (rows.length > 0) this.#tell(connection, 's/ds', rows.map(line).join(''));
    for (const [name, collection] of this.#collections) {
      const answers = collection.answers(object, device);
      if (answers.length > 0) this.#tell(connection, this.#downTopic(connection, name), answers.map(line).join(''));
    }
    this.#tell(connection, 'devicecontrol/notifications', JSON.stringify(object));
    return operation;
  }
}

/**
 * Start one.
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {boolean} [options.tls] default true
 * @param {string} [options.device] external id
 * @param {string} [options.password] of its user
 */
export async function startCumulocity({ port, tls = true, device = 'serial-1', password = 's3cret, "quoted" €' } = {}) {
  const server = await new Cumulocity({ device, password }).listen({ port, tls });
  const more = { host: server.host, tls: tls ? '1' : '0' };
  Object.assign(server.form, more);
  Object.assign(server.bootstrapForm, more);
  return server;
}
