/**
 * The services on the connect form: their names, and how the form of one is laid out from the fields that the library has
 * for it. Types are those of `wasmqtt/providers`, as far as they are used here.
 */

/** @typedef {'operator' | 'device'} SeatKind */
/** @typedef {Record<string, string>} Values by the names of fields */

/**
 * @typedef {object} FormField
 * @property {string} name
 * @property {string} kind
 * @property {boolean} required
 * @property {string[]} when values of the field `auth` with which this one counts; none: always
 * @property {string} initial
 * @property {{ value: string, label: string }[]} [choices]
 * @property {number} [min]
 * @property {number} [max]
 * @property {string} label
 * @property {string} help
 * @property {boolean} secret
 */

/**
 * A rule of the service.
 * @typedef {object} Limit
 * @property {string} rule
 * @property {'warn' | 'adjust' | 'refuse'} action
 * @property {number} value
 * @property {string} clause with # where the value stands
 */

/** What a person set in place of a service's limits, by rule: a number as it was typed, or LIFTED. @typedef {Values} Overrides */

/** @typedef {{ name: string, title: string, versions: number[], noOperator: string | null, fields: FormField[] }} FormService */

/**
 * What can be chosen before the library of services is loaded; a test compares it with that. '' is any broker, by its
 * address alone.
 * @type {{ label: string, services: { name: string, title: string }[] }[]}
 */
export const SERVICE_GROUPS = [
  {
    label: 'IoT services',
    services: [
      { name: 'aws', title: 'AWS IoT Core' },
      { name: 'azure-iot-hub', title: 'Azure IoT Hub' },
      { name: 'azure-event-grid', title: 'Azure Event Grid' },
      { name: 'clearblade', title: 'ClearBlade IoT Core' },
      { name: 'alibaba', title: 'Alibaba Cloud IoT' },
      { name: 'scaleway', title: 'Scaleway IoT Hub' },
      { name: 'cumulocity', title: 'Cumulocity IoT' },
    ],
  },
  {
    label: 'Brokers',
    services: [
      { name: 'mosquitto', title: 'Mosquitto' },
      { name: 'emqx', title: 'EMQX' },
      { name: 'hivemq', title: 'HiveMQ' },
      { name: 'rabbitmq', title: 'RabbitMQ' },
      { name: 'vernemq', title: 'VerneMQ' },
    ],
  },
];

/** The library's name of a broker of which nothing is known. */
export const ANY_BROKER = 'broker';

/** @param {string} name of a service */
export function titleOf(name) {
  const known = SERVICE_GROUPS.flatMap(({ services }) => services).find((service) => service.name === name);
  return known?.title ?? 'MQTT broker';
}

/** Fields that are asked for at once though they may stay empty; what else may is under "More". */
const ASKED = new Set(['auth', 'plan', 'method', 'username', 'region', 'id-scope', 'device']);

/**
 * The fields that count, in the service's order. What names the device is not asked of an operator, and has to be there for a
 * device.
 * @param {FormService} service
 * @param {SeatKind} seat
 * @param {Values} values
 * @returns {FormField[]}
 */
export function fieldsFor({ fields, noOperator }, seat, values) {
  const auth = values['auth'] || fields.find(({ name }) => name === 'auth')?.initial || '';
  const asked = fields.filter(({ when }) => when.length === 0 || when.includes(auth));
  if (noOperator !== null) return asked;
  if (seat === 'operator') return asked.filter(({ name }) => name !== 'device');
  return asked.map((field) =>
    field.name === 'device' ? { ...field, required: true, help: 'Its name in topics: devices/NAME/telemetry' } : field,
  );
}

/**
 * The same, parted: what is to be filled in (all up to the last that must be, and a few more), and what can wait.
 * @param {FormField[]} fields
 * @returns {{ main: FormField[], more: FormField[] }}
 */
export function layoutOf(fields) {
  const last = fields.findLastIndex(({ required, secret }) => required || secret);
  const isMain = (/** @type {FormField} */ field, /** @type {number} */ i) => i <= last || ASKED.has(field.name);
  return { main: fields.filter(isMain), more: fields.filter((field, i) => !isMain(field, i)) };
}

/** @param {FormService} service */
export function initialValues({ fields }) {
  return Object.fromEntries(fields.filter(({ initial }) => initial !== '').map(({ name, initial }) => [name, initial]));
}

/**
 * What the library is given: of the fields that count alone.
 * @param {FormField[]} fields
 * @param {Values} values
 * @returns {Values}
 */
export function valuesOf(fields, values) {
  return Object.fromEntries(fields.map(({ name }) => [name, values[name] ?? '']).filter(([, value]) => value !== ''));
}

/**
 * What is missing for the seat, which the library cannot know.
 * @param {FormField[]} fields
 * @param {SeatKind} seat
 * @param {Values} values
 * @returns {{ field: string, message: string } | null}
 */
export function seatFault(fields, seat, values) {
  const device = fields.find(({ name }) => name === 'device');
  if (seat !== 'device' || !device || (values['device'] ?? '').trim() !== '') return null;
  return { field: 'device', message: 'Which device is this page to be?' };
}

/** The service has no such limit, as the person says. */
export const LIFTED = 'lifted';

/** The largest that a limit can be. */
const LIMIT_MAX = 2 ** 32 - 1;

/**
 * What is wrong with limits that were changed, by rule.
 * @param {Overrides} overrides
 * @returns {Values}
 */
export function limitFaults(overrides) {
  const bad = Object.entries(overrides).filter(([, text]) => text !== LIFTED && !isAmount(text));
  return Object.fromEntries(bad.map(([rule]) => [rule, `A whole number, 0 to ${LIMIT_MAX}; or lift the limit.`]));
}

/** @param {string} text */
function isAmount(text) {
  return /^\d{1,10}$/.test(text.trim()) && Number(text) <= LIMIT_MAX;
}

/**
 * As the library takes them.
 * @param {Overrides} overrides without faults
 * @returns {Record<string, number | false>}
 */
export function overridesOf(overrides) {
  return Object.fromEntries(
    Object.entries(overrides).map(([rule, text]) => [rule, text === LIFTED ? false : Number(text)]),
  );
}

/**
 * Those that change a limit which the service has.
 * @param {Overrides} overrides
 * @param {Limit[]} limits
 * @returns {Overrides}
 */
export function effective(overrides, limits) {
  return Object.fromEntries(
    limits.flatMap(({ rule, value }) => {
      const text = overrides[rule];
      return text === undefined || text.trim() === String(value) ? [] : [[rule, text.trim()]];
    }),
  );
}

/**
 * What was changed, in sentences.
 * @param {Overrides} overrides
 * @param {Limit[]} limits
 */
export function changesOf(overrides, limits) {
  return limits.flatMap(({ rule, value, clause }) => {
    const text = overrides[rule];
    if (text === undefined) return [];
    if (text === LIFTED) return [`You lifted a limit: ${clause.replace('#', String(value))}.`];
    return [`You changed a limit: ${clause.replace('#', text)}, not ${value}.`];
  });
}

/**
 * Where a connection of a service goes, for lists: what is no secret and says most.
 * @param {Values} values
 */
export function placeOfValues(values) {
  const { host, url, product, project, 'dps-host': dps } = values;
  return (host || url || product || project || dps) ?? '';
}
