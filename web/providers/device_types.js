// What device() and operator() take and give; both are the same for every service.

/** @typedef {import('../client/index.js').ClientOptions} ClientOptions */
/** @typedef {ClientOptions & import('../client/index.js').ConnectOptions} SeatOptions signal: once there is a seat, it does nothing */
/** @typedef {import('../client/index.js').Payload} Payload */
/** @typedef {Record<string, any>} State an object of JSON; in a change, null deletes a member */

/**
 * What device() takes beside a client's options.
 * @typedef {object} DeviceOwnOptions
 * @property {(values: import('./forms.js').Values) => unknown} [registered] what registration gave: values of the service's form,
 *   to be put there for the next time. Some are secrets (see Field.secret), and are kept nowhere here. Awaited
 * @property {number} [registerTimeout] ms; default: 30 minutes for Cumulocity, where somebody has to accept the device, else 5
 * @property {string} [document] where a device has several states: AWS, the shadow's name, default the classic one; Scaleway,
 *   the document of its Cloud Twin, default 'state'
 * @property {{ name?: string, type?: string }} [about] Cumulocity: what the device is called if it has to be created
 *
 * @typedef {SeatOptions & DeviceOwnOptions} DeviceOptions
 */

/**
 * What goes with a measurement, event or alarm.
 * @typedef {object} SendOptions
 * @property {Record<string, string | null>} [properties] beside the payload: in Azure IoT Hub's topic, as user properties with
 *   MQTT 5.0; refused where there is neither
 * @property {Date | number} [time] of the measurement, if it is not now; ms since epoch
 * @property {0 | 1} [qos] default 1
 * @property {string} [child] Cumulocity: the child device that it is about
 */

/**
 * @typedef {object} AlarmOwnOptions
 * @property {'critical' | 'major' | 'minor' | 'warning'} [severity] default 'major'
 * @property {string} [text] for people
 * @property {boolean} [cleared] the alarm of that type is over
 *
 * @typedef {SendOptions & AlarmOwnOptions} AlarmOptions
 */

/**
 * A command, however the service calls it: a direct method, a message to the device, a service of the thing model, a job, an
 * operation.
 * @typedef {object} Command
 * @property {string} name '' if the service names none (Azure: messages to the device; Alibaba: RRPC). AWS: a job's is
 *   `operation` of its document, or '' without one. Cumulocity: the fragment, as 'c8y_Restart'
 * @property {'command' | 'message' | 'job'} kind 'message': the service takes no answer. 'job': lasts, and is told again after a
 *   restart until it is answered
 * @property {string} id of the job or request; '' if there is none
 * @property {string} device who is to do it: the device, or a child of it
 * @property {Uint8Array} payload Cumulocity: the row's fields as JSON, by their names
 * @property {() => string} text the payload as text
 * @property {() => any} json the payload, parsed; undefined if it is empty. Throws a SyntaxError if it is none
 * @property {Record<string, string | null>} properties what came beside the payload
 * @property {AbortSignal} signal nobody waits for the answer any longer: the job was cancelled, the device ended
 * @property {(details: Record<string, string>) => Promise<void>} progress of a job: tell how it goes; of others, nothing
 */

/**
 * What a handler gives is the answer: any JSON, text or bytes, or nothing. An error that it throws is told as a failure: its
 * message and, where the service has one, its `status` (a number as in HTTP; default 500). So is a result that cannot be
 * sent: no JSON, or more than the service takes.
 * @typedef {(command: Command) => unknown} CommandHandler
 */

/**
 * @typedef {object} DesiredInfo
 * @property {number | undefined} version as the service counts
 * @property {boolean} whole it is all of the desired state, else what changed
 *
 * @typedef {(state: State, info: DesiredInfo) => unknown} DesiredHandler where the service asks for an answer (Alibaba's
 *   property set), it is sent when this returned, and an error that it throws is the failure
 */

/**
 * @typedef {object} DeviceState
 * @property {State | undefined} desired
 * @property {State | undefined} reported
 * @property {number | undefined} version
 */

/**
 * What an operator hears of a device. `json` is undefined where the payload is none.
 * @typedef {object} DeviceReport
 * @property {string} device its id
 * @property {string} name of an event; else ''
 * @property {any} json
 * @property {import('../client/index.js').Message} message
 *
 * @typedef {object} SeenDevice
 * @property {string} id
 * @property {number} seen when it was heard of last, ms since epoch
 *
 * @typedef {object} CommandOptions
 * @property {number} [timeout] ms for the answer; default 10000
 * @property {0 | 1} [qos] default 1
 *
 * @typedef {object} CommandAnswer
 * @property {number} status 200, or what the device said
 * @property {any} result as the handler gave it
 * @property {import('../client/index.js').Message} message
 */

export {};
