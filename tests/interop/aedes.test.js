// The client with a real broker: aedes.
import { aedes } from './brokers.js';
import { interop } from './cases.js';

interop(aedes);
