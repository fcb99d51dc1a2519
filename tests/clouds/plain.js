// A broker that takes everything but a password: topics by convention, and nothing of a service.
import { commandFree, noteFree } from './free_topics.js';
import { CloudServer } from './server.js';

class Plain extends CloudServer {
  /** @override */ versions = [3, 4, 5];
  /** What to fill in. @type {Record<string, string>} */
  form = { url: '', device: 'dev-1' };
  cloud = {
    /** @param {string} id @param {string} name @param {any} body @param {any} more */
    command: (id, name, body, more) => commandFree(this, id, name, body, more),
    /** @param {string} id @param {any} state */
    setDesired: (id, state) =>
      this.route({ topic: `devices/${id}/desired`, payload: JSON.stringify(state), qos: 1, retain: true }),
  };

  /** @override @param {any} connection @param {any} packet */
  authenticate(connection, { password }) {
    if (password === undefined) return 0;
    this.violation('password', 'there is none');
    return connection.version === 5 ? 0x86 : 4;
  }

  /** @override @param {any} _connection @param {any} packet */
  publish(_connection, packet) {
    noteFree(this, packet);
    this.route(packet);
    return 0;
  }
}

export async function startPlain() {
  const server = await new Plain().listen({ tls: true });
  server.form.url = server.url;
  return server;
}
