// A RabbitMQ of our own for tests, with MQTT over TCP and over WebSockets, on the loopback address only. All its files are
// in a temporary folder. Erlang's port mapper, which a node would start and leave behind, is started here and ends with it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports.js';
import { Child, removeFolder, start, temporaryFolder } from './process.js';

// What is in /usr/sbin changes to another user, or refuses.
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const HOST = '127.0.0.1';
/** A first start makes its database, in milliseconds: for what hangs, not for what is slow. */
const START_TIMEOUT = 120_000;

/**
 * @typedef {object} RabbitMqOptions
 * @property {{ name: string, password: string }} user the one who may connect; nobody else may
 */

/** A running RabbitMQ. */
export class RabbitMq {
  #folder = temporaryFolder('rabbitmq');
  #mapper;
  #server;
  #ports;

  /**
   * @param {{ tcp: number, ws: number, mapper: number, erlang: number }} ports
   * @param {RabbitMqOptions} options
   */
  constructor(ports, { user }) {
    const file = (/** @type {string} */ name) => join(this.#folder, name);
    const config = [
      'listeners.tcp = none', // AMQP's
      `mqtt.listeners.tcp.1 = ${HOST}:${ports.tcp}`,
      'mqtt.allow_anonymous = false',
      `web_mqtt.tcp.ip = ${HOST}`,
      `web_mqtt.tcp.port = ${ports.ws}`,
      'web_mqtt.ws_path = /ws',
      `default_user = ${user.name}`,
      `default_pass = ${user.password}`,
      'loopback_users = none',
      'log.console = true',
      'log.console.level = info', // ready() looks for a line of it
      'log.file = false',
    ];
    mkdirSync(file('log'));
    writeFileSync(file('rabbitmq.conf'), `${config.join('\n')}\n`, { mode: 0o600 });
    writeFileSync(file('enabled_plugins'), '[rabbitmq_web_mqtt].\n');
    this.#ports = ports;
    const mapper = { ERL_EPMD_ADDRESS: HOST, ERL_EPMD_PORT: String(ports.mapper) };
    this.#mapper = start('epmd', [], { env: mapper });
    this.#server = new Child(SERVER, [], {
      env: {
        ...mapper,
        HOME: this.#folder, // of the cookie
        ERL_AFLAGS: `-kernel inet_dist_use_interface {127,0,0,1}`,
        RABBITMQ_NODENAME: `wasmqtt${ports.ws}@localhost`,
        RABBITMQ_DIST_PORT: String(ports.erlang),
        RABBITMQ_CONF_ENV_FILE: '/dev/null',
        RABBITMQ_CONFIG_FILE: file('rabbitmq.conf'),
        RABBITMQ_ADVANCED_CONFIG_FILE: file('advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE: file('enabled_plugins'),
        RABBITMQ_MNESIA_BASE: file('data'),
        RABBITMQ_LOG_BASE: file('log'),
        RABBITMQ_PID_FILE: file('pid'),
      },
    });
  }

  /** Of its WebSockets listener. */
  get url() {
    return `ws://${HOST}:${this.#ports.ws}/ws`;
  }

  /** Of its TCP listener. */
  get tcpUrl() {
    return `mqtt://${HOST}:${this.#ports.tcp}`;
  }

  /** What it logged of late. */
  get log() {
    return this.#server.output;
  }

  /** Resolves when it is ready for connections. */
  async ready() {
    const ready = () => /Server startup complete/.test(this.log); // its ports are open some time before
    await this.#server.until(ready, { what: 'complete its startup', timeout: START_TIMEOUT });
  }

  /** Stop it and remove its files. */
  async stop() {
    await this.#server.stop();
    await this.#mapper.stop();
    removeFolder(this.#folder);
  }
}

/**
 * @param {RabbitMqOptions} options
 * @returns {Promise<RabbitMq>} ready for connections
 */
export async function startRabbitMq(options) {
  const ports = { tcp: await freePort(), ws: await freePort(), mapper: await freePort(), erlang: await freePort() };
  const server = new RabbitMq(ports, options);
  try {
    await server.ready();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
