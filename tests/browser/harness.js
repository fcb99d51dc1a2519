// The dashboard without a broker: the real session and views over a stand-in for the client, fed by a made-up fleet. For
// looking at every page in every state (shots.js), and for tests of the views that need no network.
import { initialProfile } from '../../web/dashboard/model/profile.js';
import { Painter } from '../../web/dashboard/paint.js';
import * as library from '../../web/providers/single.js';
import { show } from '../../web/dashboard/views/elements.js';
import { Session } from '../../web/dashboard/session.js';

/** A client as far as the session uses one. */
class StandIn {
  state = 'connected';
  negotiated = { version: 5 };
  /** @type {Map<string, ((value: any) => void)[]>} */
  handlers = new Map();

  /**
   * @param {string} name
   * @param {(value: any) => void} handler
   */
  on(name, handler) {
    this.handlers.set(name, [...(this.handlers.get(name) ?? []), handler]);
  }

  /**
   * @param {string} name
   * @param {any} [value]
   */
  emit(name, value) {
    for (const handler of this.handlers.get(name) ?? []) handler(value);
  }

  /**
   * @param {string} topic
   * @param {unknown} payload bytes or a string as it is, anything else as JSON
   * @param {{ retain?: boolean, properties?: Record<string, unknown> }} [options]
   */
  message(topic, payload, { retain = false, properties = {} } = {}) {
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const bytes = payload instanceof Uint8Array ? payload : new TextEncoder().encode(text);
    this.emit('message', { topic, payload: bytes, qos: 0, retain, properties });
  }

  /** @param {string} filter */
  async subscribe(filter) {
    if (filter.startsWith('$'))
      throw Object.assign(new Error('The broker refused it.'), { hint: 'Its access rules do not allow this filter.' });
    return { qos: 1 };
  }

  async unsubscribe() {}
  async end() {}
  reconnect() {}

  /**
   * @param {string} topic
   * @param {Uint8Array} _payload
   * @param {{ properties?: { responseTopic: string, correlationData: Uint8Array } }} options
   */
  async publish(topic, _payload, { properties }) {
    const name = topic.split('/').at(-1);
    await new Promise((resolve) => setTimeout(resolve, 12));
    if (name === 'self-test' || !properties) return { reasonCode: 0 };
    const reply =
      name === 'calibrate'
        ? { ok: false, error: 'no reference sensor is attached' }
        : { ok: true, result: { interval: 1000 } };
    setTimeout(() => this.message(properties.responseTopic, reply, { properties }), 30);
    return { reasonCode: 0 };
  }
}

/** What device() gives: takes everything, but for what its service forbids; the stand-in's events bring what comes. */
class StandInDevice {
  id = 'dev-1';
  /** @type {(command: any) => any} */
  command = () => {};
  can = {
    report: true,
    getState: true,
    desired: true,
    commands: true,
    jobs: true,
    properties: true,
  };
  /** @type {(state: object, info: { version: number, whole: boolean }) => any} */
  desired = () => {};

  /** @param {StandIn} client */
  constructor(client) {
    this.client = client;
  }

  async sendTelemetry() {}
  async sendEvent() {}
  async end() {}

  async sendAlarm() {
    throw Object.assign(
      new Error('AWS IoT Core: the highest QoS is 1. It never acknowledges QoS 2. Publish with QoS 0 or 1.'),
      { code: 'rule' },
    );
  }

  async reportState() {}
  async getState() {
    return { desired: { interval: 10, led: 'on' }, reported: { interval: 60, firmware: '2.4.1' }, version: 7 };
  }

  /** @param {string} _name @param {(command: any) => any} handler */
  onCommand(_name, handler) {
    this.command = handler;
  }

  onJob() {}

  /** @param {(state: object, info: { version: number, whole: boolean }) => any} handler */
  onDesiredState(handler) {
    this.desired = handler;
  }

  /** @param {string} name @param {unknown} body @param {object} [more] */
  call(name, body, more = {}) {
    const payload = new TextEncoder().encode(body === undefined ? '' : JSON.stringify(body));
    const { signal } = new AbortController();
    const command = { name, kind: 'command', id: '', device: 'dev-1', payload, properties: {}, signal, ...more };
    return this.command(command);
  }
}

const standIn = new StandIn();
const standInDevice = new StandInDevice(standIn);
let now = Date.now();
const painter = new Painter((callback) => requestAnimationFrame(callback));
const session = new Session(
  async () => /** @type {any} */ (standIn),
  painter,
  () => now,
  async () => ({
    ...library,
    device: async () => /** @type {any} */ (standInDevice),
    operator: async () => /** @type {any} */ ({ client: standIn, onTelemetry() {}, onEvent() {}, onState() {} }),
  }),
);
show(session);

/** @param {number} n */
const wave = (n) => Math.sin(n / 37) + 0.3 * Math.sin(n / 7.3);
const SITES = ['Harbour, hall 1', 'Harbour, hall 2', 'Market', 'Airport', 'Dairy'];
/** @param {number} n 1.. */
const idOf = (n) => `dev-${String(n).padStart(4, '0')}`;

/**
 * A fleet with a past: `devices` devices, `seconds` of telemetry, the trouble that any fleet has.
 * @param {number} devices
 * @param {number} seconds
 */
async function fleet(devices, seconds) {
  const end = Date.now();
  now = end - seconds * 1000;
  await session.open({ ...initialProfile(location), url: 'wss://broker.example/mqtt' });
  for (let n = 1; n <= devices; n++) {
    const online = n % 17 !== 3;
    standIn.message(
      `devices/${idOf(n)}/status`,
      {
        state: online ? 'online' : 'offline',
        model: 'CS-200',
        firmware: '2.4.1',
        site: SITES[n % 5],
        led: 'off',
        interval: 1000,
        alarms: n === 33 ? ['vibration-high'] : [],
      },
      { retain: true },
    );
  }
  for (let second = 0; second < seconds; second++) {
    now = end - (seconds - second) * 1000;
    for (let n = 1; n <= devices; n++) {
      if (n % 17 === 3 || (n === 9 && second > seconds - 40)) continue;
      const t = second + n * 31;
      const values = {
        temperature: 5 + wave(t) * 2,
        humidity: 62 + wave(t / 2) * 6,
        pressure: 1013 + wave(t / 3),
        battery: 97 - n / 2 - second / 300,
        vibration: 0.8 + wave(t) / 5,
        rssi: -60 + Math.round(wave(t) * 8),
      };
      standIn.message(`devices/${idOf(n)}/telemetry`, { ...values, door: second % 60 < 5 ? 'open' : 'closed' });
    }
    if (second === seconds - 90)
      standIn.message('devices/dev-0007/alarms', {
        code: 'temperature-high',
        severity: 'major',
        state: 'raised',
        text: 'Temperature over 9.5 degrees',
        value: 9.7,
      });
    if (second === seconds - 70)
      standIn.message('devices/dev-0021/alarms', {
        code: 'battery-low',
        severity: 'minor',
        state: 'raised',
        text: 'Battery under 15 percent',
        value: 14.9,
      });
    if (second % 25 === 0)
      standIn.message('devices/dev-0007/events', {
        type: second % 50 ? 'door-opened' : 'door-closed',
        text: second % 50 ? 'The door was opened' : 'The door was closed',
      });
  }
  now = end;
  session.tick();
}

/**
 * The connect form of a service, by hand.
 * @param {string} name
 * @param {'operator' | 'device'} seat
 * @param {Record<string, string>} [values]
 */
async function service(name, seat, values = {}) {
  session.close();
  const form = /** @type {any} */ (document.querySelector('wq-connect'));
  form.chooseService(name);
  await session.services.want();
  form.chooseSeat(seat);
  await form.updateComplete;
  for (const [key, value] of Object.entries(values)) {
    const input = /** @type {HTMLInputElement} */ (document.getElementById(`service-${key}`));
    input.value = value;
    input.dispatchEvent(new Event(input.tagName === 'SELECT' ? 'change' : 'input'));
    await form.updateComplete;
  }
  return form;
}

Object.assign(globalThis, {
  harness: {
    session,
    standIn,
    standInDevice,
    fleet,
    service,
    painter,
    advance: (/** @type {number} */ ms) => ((now += ms), session.tick()),
  },
});
