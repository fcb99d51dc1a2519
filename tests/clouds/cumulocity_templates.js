// Template collections of SmartREST: registered in lines 10 and 11, then used by their own ids.
import { RowError, date, number } from './cumulocity_tenant.js';

/**
 * @typedef {object} Request line 10
 * @property {string} method
 * @property {string} api
 * @property {boolean} response
 * @property {string[]} fixed values that the method and API want, '' where the caller gives one
 * @property {{ path: string, type: string, value: string }[]} values of its own
 *
 * @typedef {{ id: string, base: string, condition: string, patterns: string[] }} Response line 11
 */

/** What each method and API wants, by name. @type {Record<string, string[]>} */
const FIXED = {
  'GET INVENTORY': ['byId', 'externalIdType'],
  'PUT INVENTORY': ['byId', 'externalIdType'],
  'POST INVENTORY': ['externalIdType'],
  'POST MEASUREMENT': ['type', 'time'],
  'POST EVENT': ['type', 'text', 'time'],
  'POST ALARM': ['type', 'text', 'status', 'severity', 'time'],
  'PUT ALARM': ['type'],
  'PUT OPERATION': ['fragment'],
};
const TYPES = ['STRING', 'DATE', 'NUMBER', 'INTEGER', 'UNSIGNED', 'FLAG', 'SEVERITY', 'ALARMSTATUS', 'OPERATIONSTATUS'];

/** @param {string} path "a.b" or "$.a.b" */
const steps = (path) => path.replace(/^\$\./, '').split('.');

/**
 * @param {any} object
 * @param {string} path
 * @param {any} value
 */
function set(object, path, value) {
  const names = steps(path);
  const last = names.pop() ?? '';
  if ([...names, last].some((name) => name === '__proto__')) throw new RowError(45, 'A path is wrong');
  for (const name of names) {
    object = object[name] ??= {};
    if (typeof object !== 'object') throw new RowError(45, `${name} is a value`);
  }
  object[last] = value;
}

/**
 * @param {any} object
 * @param {string} path "a.b", "a[*]"
 * @returns {any[]} what is there
 */
function get(object, path) {
  let found = [object];
  for (const step of path === '' ? [] : steps(path)) {
    const all = step.endsWith('[*]');
    const name = all ? step.slice(0, -3) : step;
    found = found.map((it) => (it && Object.hasOwn(Object(it), name) ? it[name] : undefined));
    if (all) found = found.flat();
    found = found.filter((it) => it !== undefined);
  }
  return found;
}

/** @param {string} type @param {string} text */
function typed(type, text) {
  if (type === 'FLAG') return {};
  if (type === 'DATE') return date(text);
  return /^(NUMBER|INTEGER|UNSIGNED)$/.test(type) ? number(text) : text;
}

/** @param {any} value */
const asText = (value) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

export class Collection {
  /** @type {Map<string, Request>} */ #requests = new Map();
  /** @type {Response[]} */ #responses = [];

  /** @param {string} id its number @param {string[][]} rows lines 10 and 11 */
  constructor(id, rows) {
    this.id = id;
    for (const row of rows) {
      if (row[0] === '10') this.#addRequest(row.slice(1));
      else if (row[0] === '11' && row.length >= 5) {
        const [, name, base, condition, ...patterns] = row;
        this.#responses.push({ id: name, base, condition, patterns });
      } else throw new RowError(41, `${row[0]} makes no template`);
    }
  }

  /** @param {string[]} row */
  #addRequest([id, method, api, response = '', ...rest]) {
    const names = FIXED[`${method} ${api}`];
    if (!id || !names) throw new RowError(41, `No ${method} of ${api}`);
    const fixed = rest.splice(0, names.length);
    const values = [];
    for (let i = 0; i < rest.length; i += 3) {
      const [path, type, value = ''] = rest.slice(i, i + 3);
      if (!path || !TYPES.includes(type || 'STRING')) throw new RowError(41, `No type: ${type}`);
      values.push({ path, type: type || 'STRING', value });
    }
    this.#requests.set(id, { method, api, response: response === 'true', fixed, values });
  }

  /**
   * Do a row.
   * @param {import('./cumulocity_tenant.js').Tenant} tenant
   * @param {import('./cumulocity_tenant.js').Call} call gets what is to be answered
   * @param {string[]} row
   * @returns {'telemetry' | 'events' | 'state' | 'answers'} what it was
   */
  use(tenant, call, [id, ...given]) {
    const request = this.#requests.get(id);
    if (!request) throw new RowError(40, 'No template for this message id');
    const { method, api } = request;
    const inventory = api === 'INVENTORY';
    const key = inventory ? (given.shift() ?? '') : '';
    const names = FIXED[`${method} ${api}`];
    const take = (/** @type {string} */ value) => value || (given.shift() ?? '');
    const fixed = Object.fromEntries(
      names.map((name, i) => [name, inventory ? request.fixed[i] : take(request.fixed[i])]),
    );
    const own = /** @type {any} */ ({});
    for (const { path, type, value } of request.values) set(own, path, typed(type, take(value)));
    const result = this.#do(tenant, call, request, key, fixed, own);
    if (request.response || method === 'GET') call.replies.push(...this.answers(result));
    if (inventory) return 'state';
    return api === 'MEASUREMENT' ? 'telemetry' : api === 'OPERATION' ? 'answers' : 'events';
  }

  /**
   * @param {import('./cumulocity_tenant.js').Tenant} tenant
   * @param {import('./cumulocity_tenant.js').Call} call
   * @param {Request} request
   * @param {string} key of an object of the inventory
   * @param {Record<string, string>} fixed
   * @param {any} own
   * @returns {any} what was read, made or changed
   */
  #do(tenant, call, { method, api }, key, fixed, own) {
    const { device, mode } = call;
    const record = { id: tenant.id(), source: device.externalId, ...fixed, time: date(fixed.time), ...own };
    switch (api) {
      case 'MEASUREMENT':
        tenant.record('measurements', mode, record);
        return record;
      case 'EVENT':
        tenant.record('events', mode, record);
        return record;
      case 'ALARM':
        if (method === 'PUT') return Object.assign(tenant.openAlarm(device, fixed.type), own);
        tenant.record('alarms', mode, {
          ...record,
          status: fixed.status || 'ACTIVE',
          severity: tenant.severity(fixed.severity),
        });
        return record;
      case 'OPERATION':
        return Object.assign(
          tenant.of(device, 'EXECUTING', fixed.fragment)[0] ?? tenant.oldest(device, 'PENDING', fixed.fragment),
          own,
        );
    }
    const byId = fixed.byId === 'true';
    if (method === 'POST' && !tenant.devices.has(key)) tenant.device(key);
    const found = [...tenant.devices.values()].find((it) => (byId ? it.id : it.externalId) === key);
    if (!found) throw new RowError(50, `No object ${key}`);
    const { name, type, ...fragments } = own;
    Object.assign(found.fragments, fragments);
    Object.assign(found, { name: name ?? found.name, type: type ?? found.type });
    return { id: found.id, name: found.name, type: found.type, ...found.fragments };
  }

  /**
   * Rows that lines 11 make of an object.
   * @param {any} object
   * @param {string} [serial] of the device, where the object is an operation
   * @returns {string[][]}
   */
  answers(object, serial) {
    const rows = [];
    for (const { id, base, condition, patterns } of this.#responses) {
      if (get(object, condition).length === 0) continue;
      for (const from of get(object, base)) {
        const values = patterns.flatMap((pattern) => {
          const found = get(from, pattern).map(asText);
          return found.length > 0 ? found : [''];
        });
        rows.push([id, ...(serial === undefined ? [] : [serial]), ...values]);
      }
    }
    return rows;
  }
}
