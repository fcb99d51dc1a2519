/**
 * The operator's seat at a service: what operator() of the library tells of devices goes to the fleet, and commands go the
 * service's way.
 */

import { CHANGED } from './paint.js';
import { sentenceOf } from './trouble.js';

/** @typedef {import('../providers/index.js').DeviceReport} DeviceReport */
/** @typedef {import('../providers/index.js').Operator} Operator */

export class OperatorSeat {
  /**
   * @param {Operator} operator
   * @param {import('./session.js').World} world
   * @param {import('./paint.js').Painter} painter
   * @param {() => number} now wall time, ms
   */
  constructor(operator, world, painter, now) {
    this.operator = operator;
    this.world = world;
    this.painter = painter;
    this.now = now;
    /** By device: what became of the last desired state that was set. @type {Map<string, { good: boolean, text: string }>} */
    this.desired = new Map();
  }

  /** Reports come from now on. */
  start() {
    const { operator } = this;
    /** @type {(kind: string) => (report: DeviceReport) => void} */
    const take = (kind) => (report) => {
      const { device, name, message } = report;
      this.world.fleet.take({ device, kind, rest: name }, message.payload, message.retain, this.now());
      this.painter.touch(CHANGED.devices);
    };
    operator.onTelemetry(take('telemetry'));
    operator.onEvent(take('events'));
    operator.onState(take('status'));
  }

  /**
   * Sends a command; its life shows in the world's commands.
   * @param {string} device
   * @param {string} name
   * @param {string} payload JSON, or nothing
   * @param {number} timeout ms to wait for the answer
   */
  async command(device, name, payload, timeout) {
    const { commands } = this.world;
    const correlation = `own ${commands.made}`;
    const what = { device, name, payload, correlation, expectsAnswer: true, timeout };
    const command = commands.create(what, this.now());
    commands.sent(command, this.now());
    this.painter.touch(CHANGED.commands);
    try {
      const { message } = await this.operator.sendCommand(device, name, payload, { timeout });
      commands.answered(correlation, message.payload, this.now());
    } catch (error) {
      if (/** @type {any} */ (error)?.code === 'provider-timeout') commands.timedOut(command, this.now());
      else commands.failed(command, this.now(), sentenceOf(error));
    }
    this.painter.touch(CHANGED.commands);
  }

  /**
   * @param {string} device
   * @param {Record<string, unknown>} state
   */
  async setDesired(device, state) {
    const outcome = { good: true, text: 'Sending…' };
    this.desired.set(device, outcome);
    this.painter.touch(CHANGED.commands);
    try {
      await this.operator.setDesired(device, state);
      outcome.text = 'Taken by the service.';
    } catch (error) {
      Object.assign(outcome, { good: false, text: sentenceOf(error) });
    }
    this.painter.touch(CHANGED.commands);
  }

  end() {
    return this.operator.end();
  }
}
