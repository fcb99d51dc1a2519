/** The entry of the page: makes the session and the views, and connects by itself where the server offers a demo. */

import { connect, loadServices } from './client.js';
import { show } from './views/elements.js';
import { Painter } from './paint.js';
import { Session } from './session.js';
import { initialProfile, socketUrl } from './model/profile.js';

const painter = new Painter((callback) => requestAnimationFrame(callback));
const session = new Session(connect, painter, Date.now, loadServices);

show(session);
setInterval(() => session.tick(), 1000);
void connectDemo();

/** A server that comes with a broker says so in demo.json: {"url": "/mqtt"}. From disk there is nothing to ask. */
async function connectDemo() {
  if (!/^https?:$/.test(location.protocol)) return;
  const response = await fetch('./demo.json').catch(() => null);
  if (!response?.ok || !response.headers.get('content-type')?.includes('json')) return;
  /** @type {{ url?: unknown } | null} */
  const demo = await response.json().catch(() => null);
  if (typeof demo?.url !== 'string' || session.phase !== 'idle') return;
  await session.open({ ...initialProfile(location), url: socketUrl(demo.url, location.href) });
}
