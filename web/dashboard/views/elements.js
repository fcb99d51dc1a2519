/** The elements of the page by name. Templates name them, so they are defined before the first one renders. */

import { AppView } from './app.js';
import { ChartView } from './chart.js';
import { CommandsView } from './commands.js';
import { ConnectView } from './connect.js';
import { DeviceView } from './device.js';
import { DevicesView } from './devices.js';
import { LogView } from './log.js';
import { MessageView } from './message.js';
import { SeatView } from './seat.js';
import { SeatCommandsView } from './seat_commands.js';
import { SeatSendView } from './seat_send.js';
import { TrafficView } from './traffic.js';

const ELEMENTS = {
  'wq-app': AppView,
  'wq-chart': ChartView,
  'wq-commands': CommandsView,
  'wq-connect': ConnectView,
  'wq-device': DeviceView,
  'wq-devices': DevicesView,
  'wq-log': LogView,
  'wq-message': MessageView,
  'wq-seat': SeatView,
  'wq-seat-commands': SeatCommandsView,
  'wq-seat-send': SeatSendView,
  'wq-traffic': TrafficView,
};

/**
 * Defines the elements and puts the page into the document.
 * @param {import('../session.js').Session} session
 */
export function show(session) {
  for (const [name, view] of Object.entries(ELEMENTS)) customElements.define(name, view);
  const app = new AppView();
  app.session = session;
  document.body.append(app);
}
