// What a Cumulocity tenant keeps of its devices, and what each row of SmartREST does to it. Nothing here knows of MQTT.

/** Why a row was not done, as it is told on s/e. */
export class RowError extends Error {
  /**
   * @param {number} code 40 no such template, 41 template creation, 42 malformed, 45 arguments, 50 server
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @typedef {object} Device a managed object
 * @property {string} id its number in the inventory
 * @property {string} externalId of type c8y_Serial
 * @property {string} name
 * @property {string} type
 * @property {string} root external id of the device whose connection speaks for it
 * @property {string[]} children external ids
 * @property {Record<string, any>} fragments c8y_Hardware, c8y_Position, ...
 *
 * @typedef {object} Operation
 * @property {string} id
 * @property {string} device external id
 * @property {string} [message] id of its static template, "511", if it has one
 * @property {string} fragment "c8y_Command"
 * @property {string[]} fields its parameters, with a static template
 * @property {any} [value] its fragment's value, without one
 * @property {'PENDING' | 'EXECUTING' | 'SUCCESSFUL' | 'FAILED'} status
 * @property {string} [failureReason]
 * @property {string[]} [result] parameters that came with its success
 *
 * @typedef {'s' | 't' | 'q' | 'c'} Mode persistent, transient, quiescent, CEP
 *
 * @typedef {object} Call who sends a row
 * @property {string} root external id of the connected device
 * @property {Device} device the device itself, or its child
 * @property {Mode} mode
 * @property {string[][]} replies rows for s/ds
 */

/** Operations that static templates know: id -> fragment. */
export const OPERATIONS = /** @type {Record<string, string>} */ ({
  510: 'c8y_Restart',
  511: 'c8y_Command',
  513: 'c8y_Configuration',
  515: 'c8y_Firmware',
  516: 'c8y_SoftwareList',
  517: 'c8y_MeasurementRequestOperation',
  518: 'c8y_Relay',
  519: 'c8y_RelayArray',
  520: 'c8y_UploadConfigFile',
  521: 'c8y_DownloadConfigFile',
  522: 'c8y_LogfileRequest',
  523: 'c8y_CommunicationMode',
  524: 'c8y_DownloadConfigFile',
  525: 'c8y_Firmware',
  526: 'c8y_UploadConfigFile',
  527: 'c8y_DeviceProfile',
  528: 'c8y_SoftwareUpdate',
  529: 'c8y_SoftwareUpdate',
  530: 'c8y_RemoteAccessConnect',
});

const SEVERITIES = ['CRITICAL', 'MAJOR', 'MINOR', 'WARNING'];
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:?\d\d)$/;

/** @param {string | undefined} text */
export function number(text) {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text ?? '')) throw new RowError(45, `Not a number: ${text}`);
  return Number(text);
}

/** @param {string | undefined} text */
export function date(text) {
  if (!text) return new Date().toISOString();
  if (!DATE.test(text)) throw new RowError(45, `Not a date: ${text}`);
  return text;
}

/**
 * @param {string[]} values
 * @param {number} size
 * @returns {string[][]}
 */
function groups(values, size) {
  const found = [];
  for (let i = 0; i < values.length; i += size) found.push(values.slice(i, i + size));
  return found;
}

/**
 * The values as an object, without those that are missing.
 * @param {string[]} names
 * @param {string[]} values
 */
const named = (names, values) =>
  Object.fromEntries(names.map((name, i) => [name, values[i]]).filter(([, value]) => value));

/**
 * @param {string[]} names
 * @returns {(values: string[]) => object[]}
 */
const listed = (names) => (values) => groups(values, names.length).map((group) => named(names, group));

const software = listed(['name', 'version', 'type', 'url']);

/** @param {string[]} values latitude, longitude, altitude, accuracy, each may be missing */
function position(values) {
  const names = ['lat', 'lng', 'alt', 'accuracy'];
  return Object.fromEntries(names.map((name, i) => [name, values[i]]).flatMap(([k, v]) => (v ? [[k, number(v)]] : [])));
}

/**
 * By id: an M for each argument that must be there, and what the template does.
 * @type {Record<string, [wanted: string, run: (tenant: Tenant, call: Call, ...values: string[]) => unknown]>}
 */
const TEMPLATES = {
  100: ['', (t, { device }, name, type) => Object.assign(device, named(['name', 'type'], [name, type]))],
  101: ['M', (t, { device }, id, name, type) => t.addChild(device, id, name, type)],
  102: ['MMMM', (t, { device }, id, type, name, status) => t.set(device, 'c8y_Service', { id, type, name, status })],
  104: ['M', (t, { device }, status) => t.set(device, 'c8y_Status', { status })],
  105: ['', (_, { device, replies }) => replies.push(['106', ...device.children])],
  107: ['M', (_, { device }, ...fragments) => fragments.forEach((name) => delete device.fragments[name])],
  110: ['', (t, { device }, ...v) => t.set(device, 'c8y_Hardware', named(['serialNumber', 'model', 'revision'], v))],
  111: [
    '',
    (t, { device }, ...v) =>
      t.set(device, 'c8y_Mobile', named(['imei', 'iccid', 'imsi', 'mcc', 'mnc', 'lac', 'cellId'], v)),
  ],
  112: ['', (t, { device }, ...v) => t.set(device, 'c8y_Position', position(v))],
  113: ['', (t, { device }, config = '') => t.set(device, 'c8y_Configuration', { config })],
  114: ['', (t, { device }, ...names) => t.set(device, 'c8y_SupportedOperations', names)],
  115: ['', (t, { device }, ...v) => t.set(device, 'c8y_Firmware', named(['name', 'version', 'url'], v))],
  116: ['', (t, { device }, ...v) => t.set(device, 'c8y_SoftwareList', listed(['name', 'version', 'url'])(v))],
  117: [
    '',
    (_, { device }, minutes) =>
      (device.fragments.c8y_RequiredAvailability ??= { responseInterval: minutes ? number(minutes) : 0 }),
  ],
  118: ['', (t, { device }, ...names) => t.set(device, 'c8y_SupportedLogs', names)],
  119: ['', (t, { device }, ...names) => t.set(device, 'c8y_SupportedConfigurations', names)],
  120: [
    'MM',
    (t, { device }, type, url, name, time) =>
      t.set(device, `c8y_Configuration_${type}`, { type, url, name: name || type, time: date(time) }),
  ],
  121: ['M', (t, { device }, executed, id) => t.set(device, 'c8y_Profile', { executed: executed === 'true', id })],
  122: [
    'MM.M',
    (t, { device }, ...v) => t.set(device, 'c8y_Agent', named(['name', 'version', 'url', 'maintainer'], v)),
  ],
  123: ['', (_, { device, replies }) => replies.push(['124', device.id])],
  125: ['', (t, { device }) => t.set(device, 'c8y_Availability', { lastMessage: new Date().toISOString() })],
  140: ['MM', (t, { device }, ...values) => t.set(device, 'c8y_SoftwareList', software(values))],
  141: [
    'MM',
    (t, { device }, ...values) =>
      t.set(device, 'c8y_SoftwareList', [...(device.fragments.c8y_SoftwareList ?? []), ...software(values)]),
  ],
  142: ['MM', (t, { device }, ...values) => t.removeSoftware(device, groups(values, 2))],
  143: ['', (t, { device }, ...types) => t.set(device, 'c8y_SupportedSoftwareTypes', types)],
  150: ['', (t, { device }, ...names) => t.set(device, 'c8y_RemoteAccessSupportedProtocols', names)],
  200: [
    'MMM',
    (t, call, fragment, series, value, unit, time) =>
      t.measurement(call, fragment, time, [[fragment, series, value, unit ?? '']]),
  ],
  201: ['M.MMM', (t, call, type, time, ...values) => t.measurement(call, type, time, groups(values, 4))],
  210: ['', (t, call, rssi, ber, time) => t.signal(call, rssi, ber, time)],
  211: [
    'M',
    (t, call, value, time) =>
      t.measurement(call, 'c8y_TemperatureMeasurement', time, [['c8y_TemperatureMeasurement', 'T', value, 'C']]),
  ],
  212: [
    'M',
    (t, call, value, time) => t.measurement(call, 'c8y_Battery', time, [['c8y_Battery', 'level', value, '%']]),
  ],
  301: ['M', (t, call, type, text, time) => t.alarm(call, 'CRITICAL', type, text, time)],
  302: ['M', (t, call, type, text, time) => t.alarm(call, 'MAJOR', type, text, time)],
  303: ['M', (t, call, type, text, time) => t.alarm(call, 'MINOR', type, text, time)],
  304: ['M', (t, call, type, text, time) => t.alarm(call, 'WARNING', type, text, time)],
  305: [
    'MM',
    (t, { device }, type, text) => {
      const severity = t.severity(text);
      t.openAlarm(device, type).severity = severity;
    },
  ],
  306: ['M', (t, { device }, type) => Object.assign(t.openAlarm(device, type), { status: 'CLEARED' })],
  307: ['MM', (t, { device }, type, ...names) => names.forEach((name) => delete t.openAlarm(device, type)[name])],
  400: ['MM', (t, call, type, text, time) => t.event(call, type, text, time)],
  401: ['', (t, call, ...v) => t.event(call, 'c8y_LocationUpdate', '', v[4], { c8y_Position: position(v) })],
  402: [
    '',
    (t, call, ...v) => {
      t.event(call, 'c8y_LocationUpdate', '', v[4], { c8y_Position: position(v) });
      t.set(call.device, 'c8y_Position', position(v));
    },
  ],
  407: ['M', (t, { device }, type, ...names) => names.forEach((name) => delete t.lastEvent(device, type)[name])],
  408: [
    '...MM',
    (t, call, text, time, _, ...v) =>
      t.event(call, 'c8y_ParameterUpdate', text, time, { parameters: listed(['path', 'type', 'value'])(v) }),
  ],
  500: ['', (t, call) => call.replies.push(...t.rows(t.pending(call.root)))],
  501: ['M', (t, { device }, fragment) => t.move(t.oldest(device, 'PENDING', fragment), 'EXECUTING')],
  502: [
    'M',
    (t, { device }, fragment, failureReason) =>
      t.move(t.oldest(device, 'EXECUTING', fragment), 'FAILED', { failureReason }),
  ],
  503: [
    'M',
    (t, { device }, fragment, ...result) => t.move(t.oldest(device, 'EXECUTING', fragment), 'SUCCESSFUL', { result }),
  ],
  504: ['M', (t, { device }, id) => t.move(t.numbered(device, id, 'PENDING'), 'EXECUTING')],
  505: [
    'M',
    (t, { device }, id, failureReason) => t.move(t.numbered(device, id, 'EXECUTING'), 'FAILED', { failureReason }),
  ],
  506: ['M', (t, { device }, id, ...result) => t.move(t.numbered(device, id, 'EXECUTING'), 'SUCCESSFUL', { result })],
  507: [
    '',
    (t, { device }, fragment, failureReason) =>
      t.of(device, 'EXECUTING', fragment).forEach((operation) => t.move(operation, 'FAILED', { failureReason })),
  ],
  600: ['', (_, { replies }) => replies.push(['601', '1020.0.0'])],
  602: ['', (_, { replies }) => replies.push(['603', ...Object.keys(TEMPLATES)])],
};

/** The data of one tenant. */
export class Tenant {
  /** @type {Map<string, Device>} by external id */
  devices = new Map();
  /** @type {any[]} */ measurements = [];
  /** @type {any[]} */ alarms = [];
  /** @type {any[]} */ events = [];
  /** @type {Operation[]} */ operations = [];
  /** Measurements, alarms and events, as somebody saw them who watched: those of all modes but q and c. @type {any[]} */
  realtime = [];
  /** What went to complex event processing alone: mode c. @type {any[]} */
  cep = [];
  #ids = 1000;

  id() {
    return String(++this.#ids);
  }

  /**
   * Do one row of static templates.
   * @param {Omit<Call, 'device'> & { child: string }} sender child: the external id that the topic names, or ''
   * @param {string[]} row
   */
  run({ child, ...sender }, [id, ...values]) {
    if (!(id in TEMPLATES)) throw new RowError(40, 'No static template for this message id');
    const [wanted, run] = TEMPLATES[id];
    const missing = [...wanted].findIndex((mark, i) => mark === 'M' && !values[i]);
    if (missing >= 0) throw new RowError(45, `Argument ${missing + 1} of template ${id} is missing`);
    const known = this.devices.has(child || sender.root);
    const device = this.device(sender.root, child);
    // 100 names a device that it creates, and leaves another as it is.
    if (id !== '100' || !known) run(this, { ...sender, device }, ...values);
  }

  /**
   * The device, or its child; made if it is not there yet.
   * @param {string} root
   * @param {string} child external id, or ''
   */
  device(root, child = '') {
    const found = this.devices.get(root) ?? this.#create(root, root, `MQTT Device ${root}`, 'c8y_MQTTDevice');
    return child === '' ? found : (this.devices.get(child) ?? this.addChild(found, child));
  }

  /** @param {string} externalId @param {string} root @param {string} name @param {string} type */
  #create(externalId, root, name, type) {
    /** @type {Device} */
    const device = { id: this.id(), externalId, name, type, root, children: [], fragments: {} };
    this.devices.set(externalId, device);
    return device;
  }

  /** @param {Device} parent @param {string} id external id @param {string} [name] @param {string} [type] */
  addChild(parent, id, name, type) {
    const known = this.devices.get(id);
    if (known && !parent.children.includes(id)) throw new RowError(50, `${id} belongs to another device`);
    if (known) return known;
    parent.children.push(id);
    return this.#create(id, parent.root, name || `MQTT Device ${id}`, type || 'c8y_MQTTChildDevice');
  }

  /** @param {Device} device @param {string} fragment @param {any} value */
  set(device, fragment, value) {
    device.fragments[fragment] = value;
  }

  /** @param {Device} device @param {string[][]} wanted [name, version] */
  removeSoftware(device, wanted) {
    const installed = device.fragments.c8y_SoftwareList ?? [];
    device.fragments.c8y_SoftwareList = installed.filter(
      (/** @type {any} */ it) => !wanted.some(([name, version]) => it.name === name && it.version === version),
    );
  }

  // ------------------------------------------------------------------------------------------------ what devices tell

  /**
   * Keep a record, tell it to who watches, or both.
   * @param {'measurements' | 'alarms' | 'events'} list
   * @param {Mode} mode
   * @param {any} record
   */
  record(list, mode, record) {
    // The modes q and c are for measurements and events only.
    const as = list === 'alarms' && (mode === 'q' || mode === 'c') ? 's' : mode;
    if (as === 's' || as === 'q') this[list].push(record);
    if (as === 's' || as === 't') this.realtime.push(record);
    if (as === 'c') this.cep.push(record);
  }

  /**
   * @param {Call} call
   * @param {string} type
   * @param {string | undefined} time
   * @param {string[][]} values fragment, series, value, unit
   */
  measurement({ device, mode }, type, time, values) {
    const record = /** @type {any} */ ({ id: this.id(), source: device.externalId, type, time: date(time) });
    for (const [fragment, series, value, unit] of values) {
      if (!fragment || !series) throw new RowError(45, 'A fragment or series is missing');
      record[fragment] = { ...record[fragment], [series]: { value: number(value), ...(unit && { unit }) } };
    }
    this.record('measurements', mode, record);
  }

  /** @param {Call} call @param {string} [rssi] @param {string} [ber] @param {string} [time] */
  signal(call, rssi, ber, time) {
    if (!rssi && !ber) throw new RowError(45, 'Both arguments are missing');
    const values = [
      ['c8y_SignalStrength', 'rssi', rssi, 'dBm'],
      ['c8y_SignalStrength', 'ber', ber, '%'],
    ];
    this.measurement(call, 'c8y_SignalStrength', time, /** @type {string[][]} */ (values.filter((row) => row[2])));
  }

  /**
   * A new alarm, or one more of the same.
   * @param {Call} call @param {string} severity @param {string} type @param {string} [text] @param {string} [time]
   */
  alarm({ device, mode }, severity, type, text, time) {
    const source = device.externalId;
    const same = this.alarms.find((it) => it.source === source && it.type === type && it.status !== 'CLEARED');
    const told = { severity, text: text || `Alarm of type ${type} raised`, time: date(time) };
    if (same) Object.assign(same, told, { count: same.count + 1 });
    else this.record('alarms', mode, { id: this.id(), source, type, status: 'ACTIVE', count: 1, ...told });
  }

  /** @param {Device} device @param {string} type */
  openAlarm(device, type) {
    const is = (/** @type {any} */ it) => it.source === device.externalId && it.type === type;
    const found = this.alarms.find((it) => is(it) && it.status !== 'CLEARED');
    if (!found) throw new RowError(50, `No open alarm of type ${type}`);
    return found;
  }

  /** @param {string} severity */
  severity(severity) {
    if (!SEVERITIES.includes(severity)) throw new RowError(45, `No severity: ${severity}`);
    return severity;
  }

  /**
   * @param {Call} call @param {string} type @param {string} [text] @param {string} [time] @param {object} [fragments]
   */
  event({ device, mode }, type, text = '', time = '', fragments = {}) {
    const record = { id: this.id(), source: device.externalId, type, text, time: date(time), ...fragments };
    this.record('events', mode, record);
  }

  /** @param {Device} device @param {string} type */
  lastEvent(device, type) {
    const found = this.events.findLast((it) => it.source === device.externalId && it.type === type);
    if (!found) throw new RowError(50, `No event of type ${type}`);
    return found;
  }

  // ------------------------------------------------------------------------------------------------ operations

  /**
   * @param {Device} device
   * @param {{ message: string, fields: string[] } | { fragment: string, value: any }} what by static template, or as it is
   * @returns {Operation}
   */
  createOperation(device, what) {
    const fragment = 'message' in what ? OPERATIONS[what.message] : what.fragment;
    if (!fragment) throw new Error('no such operation');
    const operation = { id: this.id(), device: device.externalId, fragment, fields: [], ...what };
    this.operations.push({ ...operation, status: 'PENDING' });
    return this.operations[this.operations.length - 1];
  }

  /** The rows of static templates that tell a device. @param {Operation[]} operations */
  rows(operations) {
    return operations.flatMap(({ message, device, fields }) => (message ? [[message, device, ...fields]] : []));
  }

  /** Of a device and its children. @param {string} root */
  pending(root) {
    return this.operations.filter((it) => it.status === 'PENDING' && this.devices.get(it.device)?.root === root);
  }

  /** From the oldest on. @param {Device} device @param {Operation['status']} status @param {string} [fragment] */
  of(device, status, fragment) {
    const is = (/** @type {Operation} */ it) => it.device === device.externalId && it.status === status;
    return this.operations.filter((it) => is(it) && (!fragment || it.fragment === fragment));
  }

  /** @param {Device} device @param {Operation['status']} status @param {string} fragment */
  oldest(device, status, fragment) {
    const [found] = this.of(device, status, fragment);
    if (!found) throw new RowError(50, `No ${status} operation of ${fragment}`);
    return found;
  }

  /** @param {Device} device @param {string} id @param {Operation['status']} status that it has to be in */
  numbered(device, id, status) {
    const found = this.of(device, status).find((it) => it.id === id);
    if (!found) throw new RowError(50, `No ${status} operation with id ${id}`);
    return found;
  }

  /** @param {Operation} operation @param {Operation['status']} status @param {Partial<Operation>} [more] */
  move(operation, status, more = {}) {
    Object.assign(operation, { status }, more);
  }
}
