// AWS IoT Core's jobs: executions of a thing, in the order in which they were made.

/** @typedef {import('./json.js').Json} Json */

const TERMINAL = ['SUCCEEDED', 'FAILED', 'REJECTED', 'REMOVED', 'CANCELED', 'TIMED_OUT'];
/** What a thing may set. */
const SETTABLE = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'REJECTED'];

/**
 * @typedef {object} Execution
 * @property {string} jobId
 * @property {Json} jobDocument
 * @property {string} status
 * @property {Json} [statusDetails]
 * @property {number} queuedAt
 * @property {number} [startedAt]
 * @property {number} lastUpdatedAt
 * @property {number} versionNumber
 */

export class Jobs {
  /** @type {Execution[]} */
  executions = [];
  #thing;
  #notify;

  /**
   * @param {string} thing
   * @param {(topic: string, body: Json) => void} notify the topic is what is behind .../jobs/
   */
  constructor(thing, notify) {
    this.#thing = thing;
    this.#notify = notify;
  }

  /** @param {string} jobId @param {Json} jobDocument */
  add(jobId, jobDocument) {
    const before = this.#next();
    const at = now();
    /** @type {Execution} */
    const execution = { jobId, jobDocument, status: 'QUEUED', queuedAt: at, lastUpdatedAt: at, versionNumber: 1 };
    this.executions.push(execution);
    this.#changed(before);
    return execution;
  }

  /** As CancelJobExecution of the API does, with force. @param {string} jobId */
  cancel(jobId) {
    const before = this.#next();
    const execution = this.executions.find((one) => one.jobId === jobId);
    if (execution) this.#set(execution, { status: 'CANCELED' });
    this.#changed(before);
  }

  /**
   * A request of the thing.
   * @param {string} path behind .../jobs/: "get", "start-next", "ID/get", "ID/update"
   * @param {Buffer} payload
   * @param {(topic: string, body: Json) => void} answer
   * @returns {boolean} there is such a request
   */
  request(path, payload, answer) {
    const [, id, verb] = /^(?:([^/]+)\/)?(get|start-next|update)$/.exec(path) ?? [];
    if (verb === undefined || (verb !== 'get' && (id === undefined) === (verb === 'update'))) return false;
    /** @type {Json} */
    let body = {};
    const reply = (/** @type {string} */ how, /** @type {Json} */ what) => {
      const { clientToken } = body;
      answer(`${path}/${how}`, { ...what, timestamp: now(), ...(clientToken && { clientToken }) });
      return true;
    };
    const reject = (/** @type {string} */ code, /** @type {string} */ message, more = {}) =>
      reply('rejected', { code, message, ...more });
    try {
      body = payload.length > 0 ? JSON.parse(payload.toString()) : {};
    } catch {
      return reject('InvalidJson', 'The request is no JSON');
    }
    if (typeof body !== 'object' || body === null)
      return ((body = {}), reject('InvalidRequest', 'The request is no object'));
    if (verb === 'start-next') return reply('accepted', this.#start(body));
    if (id === undefined) return reply('accepted', this.#pending());
    const execution = id === '$next' ? this.#next() : this.executions.find(({ jobId }) => jobId === id);
    if (!execution)
      return id === '$next' ? reply('accepted', { execution: {} }) : reject('ResourceNotFound', `no job ${id}`);
    if (verb === 'get')
      return reply('accepted', { execution: this.#view(execution, body.includeJobDocument !== false) });
    const { status, expectedVersion } = body;
    const state = { executionState: stateOf(execution) };
    if (!SETTABLE.includes(status)) return reject('InvalidRequest', `${status} is no status that a thing may set`);
    if (expectedVersion !== undefined && Number(expectedVersion) !== execution.versionNumber) {
      return reject('VersionMismatch', `the version is ${execution.versionNumber}`, state);
    }
    if (TERMINAL.includes(execution.status))
      return reject('InvalidStateTransition', `it is ${execution.status}`, state);
    const before = this.#next();
    this.#set(execution, body);
    reply('accepted', {
      ...(body.includeJobExecutionState && { executionState: stateOf(execution) }),
      ...(body.includeJobDocument && { jobDocument: execution.jobDocument }),
    });
    if (TERMINAL.includes(execution.status)) this.#changed(before);
    return true;
  }

  /** @param {Json} body */
  #start(body) {
    const execution = this.#next();
    if (!execution) return {};
    if (execution.status === 'QUEUED') this.#set(execution, { ...body, status: 'IN_PROGRESS' });
    return { execution: this.#view(execution, true) };
  }

  /** @param {Execution} execution @param {Json} body */
  #set(execution, { status, statusDetails }) {
    execution.status = status;
    if (statusDetails) execution.statusDetails = statusDetails;
    execution.startedAt ??= now();
    execution.lastUpdatedAt = now();
    execution.versionNumber++;
  }

  #open() {
    return this.executions.filter(({ status }) => !TERMINAL.includes(status));
  }

  /** Those in progress first. */
  #next() {
    const open = this.#open();
    return open.find(({ status }) => status === 'IN_PROGRESS') ?? open[0];
  }

  #pending() {
    const of = (/** @type {string} */ wanted) =>
      this.#open()
        .filter(({ status }) => status === wanted)
        .map(summary);
    return { inProgressJobs: of('IN_PROGRESS'), queuedJobs: of('QUEUED') };
  }

  /** @param {Execution | undefined} before what was next */
  #changed(before) {
    const { inProgressJobs, queuedJobs } = this.#pending();
    const jobs = {
      ...(inProgressJobs.length > 0 && { IN_PROGRESS: inProgressJobs }),
      ...(queuedJobs.length > 0 && { QUEUED: queuedJobs }),
    };
    this.#notify('notify', { timestamp: now(), jobs });
    const next = this.#next();
    if (next !== before) {
      this.#notify('notify-next', { timestamp: now(), ...(next && { execution: this.#view(next, true) }) });
    }
  }

  /** @param {Execution} execution @param {boolean} document */
  #view({ jobDocument, ...execution }, document) {
    return { ...execution, thingName: this.#thing, executionNumber: 1, ...(document && { jobDocument }) };
  }
}

/** @param {Execution} execution */
function stateOf({ status, statusDetails, versionNumber }) {
  return { status, statusDetails: statusDetails ?? {}, versionNumber };
}

/** @param {Execution} execution */
function summary({ jobId, queuedAt, startedAt, lastUpdatedAt, versionNumber }) {
  return { jobId, queuedAt, ...(startedAt && { startedAt }), lastUpdatedAt, executionNumber: 1, versionNumber };
}

function now() {
  return Math.floor(Date.now() / 1000);
}
