// The library for the dashboard as one file, which is opened from disk: the module inside, and the timer's worker made from
// a text, since Chromium gives a page from disk no other kind. It needs `worker-src blob:`.
import './single.js';
import { setDefaultTimerWorker } from './timer.js';

setDefaultTimerWorker(URL.createObjectURL(new Blob([TIMER_WORKER], { type: 'text/javascript' })));

export * from './index.js';
