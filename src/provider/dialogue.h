/* SPDX-License-Identifier: MIT
 *
 * dialogue.h - what a device and its service say to each other over more than one message: asking for credentials, keeping
 * state in step with the service's copy, working through jobs and operations. A third public header, beside provider.h.
 *
 * A dialogue is a machine in memory of the host's. It knows what was asked, which versions it has seen, when to ask again
 * and when to give up; it makes topics and the frame around a document. Documents themselves it hands out as views on the
 * message, as JSON that was checked to be JSON, and does not keep. Whoever has a client drives it:
 *
 *   wq_dialogue_begin(&d, &args, now)
 *   wq_dialogue_step(&d, &heard, now, &step)   what happened; returns what to do. Do it, and call again with
 *                                              WQ_HEARD_NOTHING, until it says WAIT; then with the next thing heard, or
 *                                              with WQ_HEARD_NOTHING when step.until_ms has come
 *
 * All messages of the connection may be given to it: what is not for it changes nothing. `now` is a monotonic clock in
 * milliseconds. Every byte of a message may be hostile.
 *
 * What is a plain function of one message has no machine: Azure's direct methods, Alibaba's services and property/set, and
 * ClearBlade, whose config and commands come again with each subscription and carry no version. */
#ifndef WASMQTT_DIALOGUE_H
#define WASMQTT_DIALOGUE_H

#include "provider.h"

#ifdef __cplusplus
extern "C" {
#endif

/* wq_dialogue_kind
 * REGISTER    get credentials, with a login whose `provisioning` is set. Ends with DONE, whose values the host puts into
 *             the form for a second login, or FAILED.
 *               Azure IoT Hub  by its Device Provisioning Service: the hub, the device id, and the id that registered
 *               Cumulocity     asks every 5 s until an operator accepts the device: tenant, user, password
 *               Alibaba        the service sends the device's secret, or a token, unasked
 * STATE       the device's state: AWS (a shadow), Azure IoT Hub (the twin), Alibaba (its shadow; reports are posted
 *             properties), Scaleway (a document of the Cloud Twin). The whole is fetched at each connection and whenever a
 *             change was missed; changes of the desired state are told in order, each once; wq_dialogue_report() sends.
 * JOBS        AWS: one job after the other; wq_dialogue_job() says how it goes.
 * OPERATIONS  Cumulocity: has pending operations sent again at each connection, and brings the answers, which name no more
 *             than a fragment, into the order that the service takes them to be in.
 * The latter three go on until the host forgets them. */
enum wq_dialogue_kind {
  WQ_DIALOGUE_REGISTER = 0,
  WQ_DIALOGUE_STATE = 1,
  WQ_DIALOGUE_JOBS = 2,
  WQ_DIALOGUE_OPERATIONS = 3
};

typedef struct wq_dialogue_args {
  uint8_t kind;        /* enum wq_dialogue_kind */
  bool resume;         /* OPERATIONS: what an earlier run left EXECUTING goes on; otherwise it is set to FAILED first */
  uint32_t deadline_s; /* REGISTER: how long, all in all; 0: 30 minutes for Cumulocity, 5 for the others */
  wq_seat seat;        /* as the login gave it; copied */
  wq_bytes name;       /* STATE: AWS the shadow's name, empty for the classic one; Scaleway the document's. Copied */
} wq_dialogue_args;

/* ------------------------------------------------------------------------------------------------ heard */

enum wq_heard_kind {
  WQ_HEARD_NOTHING = 0,    /* the last step is under way, or time has passed */
  WQ_HEARD_CONNECTED = 1,  /* CONNACK was good; also at each later connection */
  WQ_HEARD_SUBSCRIBED = 2, /* payload: a granted code for each filter of the step */
  WQ_HEARD_MESSAGE = 3,    /* topic, payload */
  WQ_HEARD_PUBLISHED = 4,  /* the message of the step with that `request`, of QoS 1, was acknowledged */
  WQ_HEARD_CLOSED = 5,     /* the connection is over, or did not come to be */
  WQ_HEARD_REFUSED = 6     /* CONNACK says no; code: why, as the protocol's version has it */
};

typedef struct wq_heard {
  uint8_t kind; /* enum wq_heard_kind */
  uint8_t code;
  uint32_t request;
  wq_bytes topic, payload; /* needed until the next call */
} wq_heard;

/* ------------------------------------------------------------------------------------------------ steps */

enum wq_step_kind {
  WQ_STEP_WAIT = 0,      /* for something to be heard, until until_ms at most */
  WQ_STEP_CONNECT = 1,   /* with the provisioning login; report CONNECTED, CLOSED or REFUSED. REGISTER only: all others
                            leave connecting to the host */
  WQ_STEP_SUBSCRIBE = 2, /* to filters[], with QoS `qos` */
  WQ_STEP_PUBLISH = 3, /* to topic, with QoS `qos`: head, then the host's document if `document` is set, then tail. For
                            this connection only: if it ends first, the machine knows what to do. So the host takes back
                            what has not left by then, and publishes with WQ_RESEND_NEVER (wasmqtt.h) */
  WQ_STEP_TELL = 4,    /* the app: enum wq_tell */
  WQ_STEP_DONE = 5,    /* REGISTER: values[] are there. End the connection */
  WQ_STEP_FAILED = 6   /* fault, status, detail say why; nothing more will come */
};

enum wq_tell {
  WQ_TELL_STATE = 0, /* the whole: status 200, version, desired and reported (either may be absent); or another status:
                            there is none, and why. Asked again at the next connection and by wq_dialogue_get() */
  WQ_TELL_DESIRED = 1, /* a change: version, desired. AWS and Alibaba: all that differs from what was reported */
  WQ_TELL_REPORTED =
      2,           /* wq_dialogue_report() came to its end: status 2xx, version; or another status: it was not taken */
  WQ_TELL_JOB = 3, /* do it: name is its id, document is what to do, details what earlier updates said; version */
  WQ_TELL_JOB_GONE = 4,    /* name: stop, somebody cancelled it or it timed out */
  WQ_TELL_JOB_UPDATED = 5, /* wq_dialogue_job() came to its end: name, status 200; or another: 404 and 410 mean that the
                              job is over */
  WQ_TELL_OPERATION =
      6 /* the operation `ticket` is over: status 200, its answer was taken; 410, the connection broke at
                              a moment that leaves open what the service knows: if it still waits, it comes again */
};

/* wq_dialogue_value - of a field of the service's form, by its name. */
typedef struct wq_dialogue_value {
  wq_bytes name, value;
  bool secret; /* to be kept like a password */
} wq_dialogue_value;

#define WQ_STEP_FILTERS_MAX 6
#define WQ_STEP_VALUES_MAX 4

/* wq_step - views point into the dialogue, into what was heard, or are static; good until the next call. */
typedef struct wq_step {
  uint8_t kind;      /* enum wq_step_kind */
  uint8_t tell;      /* enum wq_tell */
  uint8_t qos;       /* SUBSCRIBE, PUBLISH */
  uint8_t filters_n; /* SUBSCRIBE */
  uint8_t values_n;  /* DONE */
  bool document;     /* PUBLISH */
  int16_t fault;     /* FAILED: enum wq_dialogue_fault */
  uint16_t status;   /* TELL: as in HTTP; 0: no answer came. FAILED: what the service said, 0 if it said none */
  uint32_t request;  /* PUBLISH with QoS 1: for WQ_HEARD_PUBLISHED */
  uint32_t ticket;   /* of an operation: TELL, and PUBLISH with `document` */
  uint64_t until_ms; /* WAIT; UINT64_MAX: however long */
  uint64_t version;  /* TELL */
  wq_bytes topic, head, tail;
  wq_bytes name, desired, reported, details;
  wq_bytes text;   /* TELL_JOB: the job's document */
  wq_bytes detail; /* the service's own words about an error, UTF-8; may be empty. Text of a stranger */
  wq_bytes filters[WQ_STEP_FILTERS_MAX];
  wq_dialogue_value values[WQ_STEP_VALUES_MAX];
} wq_step;

enum wq_dialogue_fault {
  WQ_DIALOGUE_E_REFUSED = -1,      /* by CONNACK */
  WQ_DIALOGUE_E_SUBSCRIBE = -2,    /* by SUBACK */
  WQ_DIALOGUE_E_DEADLINE = -3,     /* no answer in time */
  WQ_DIALOGUE_E_UNACCEPTED = -4,   /* no operator accepted the device in time */
  WQ_DIALOGUE_E_BUSY = -5,         /* the service put it off until the deadline came */
  WQ_DIALOGUE_E_UNAUTHORIZED = -6, /* status 401 or 403 */
  WQ_DIALOGUE_E_UNKNOWN = -7,      /* status 404 */
  WQ_DIALOGUE_E_STATUS = -8,       /* any other that is an error */
  WQ_DIALOGUE_E_ASSIGNMENT = -9,   /* the service could not assign the device to a hub */
  WQ_DIALOGUE_E_DISABLED = -10,    /* the device's enrolment is disabled */
  WQ_DIALOGUE_E_ANSWER = -11,      /* an answer that is none */
  WQ_DIALOGUE_E_DEVICE = -12,      /* an answer for another device */
  WQ_DIALOGUE_E_ROOM = -13         /* names or answers are too long */
};

/* wq_dialogue_fault_text - a sentence for the person at the form. Static. */
const char *wq_dialogue_fault_text(int fault);

/* ------------------------------------------------------------------------------------------------ the machine */

#define WQ_DIALOGUE_ROOM 1024u
#define WQ_OPERATIONS_MAX 16u      /* at work at once */
#define WQ_OPERATION_NAME_MAX 128u /* bytes of child and fragment together */

typedef struct wq_operation {
  uint32_t ticket;
  uint8_t state, result, child_len, name_len;
  bool document;
  uint8_t name[WQ_OPERATION_NAME_MAX]; /* the child's, then the fragment's */
} wq_operation;

/* wq_dialogue - owned by the host; must stay in place while it is in use, since it holds views on itself. All of it is the
 * machine's own. */
typedef struct wq_dialogue {
  wq_dialogue_args args;
  uint8_t phase, asked, wanted;
  int16_t fault;
  uint16_t status;
  uint32_t id, next;
  uint64_t now_ms, until_ms, deadline_ms;
  struct {
    uint8_t tries;
    uint64_t not_before_ms;
  } request[3];
  uint8_t connects, refusals;
  bool done, only_unchanged, with_details, first;
  uint8_t job_status;
  uint64_t have, seen, base; /* versions: of the desired state that was told; the highest known; for only_unchanged */
  uint64_t run;              /* of a job: its execution number */
  uint32_t ticket, tickets;  /* of the row under way; given */
  wq_bytes value[3], detail;
  wq_operation operation[WQ_OPERATIONS_MAX], unsure;
  uint8_t operations_n;
  uint8_t names[WQ_DIALOGUE_ROOM / 2], text[WQ_DIALOGUE_ROOM], kept[WQ_DIALOGUE_ROOM], words[256];
} wq_dialogue;

/* wq_dialogue_begin - 0; WQ_E_ARG if the service has no such dialogue, a name is missing or out of place, or names are too
 * long. */
int wq_dialogue_begin(wq_dialogue *dialogue, const wq_dialogue_args *args, uint64_t now_ms);

/* wq_dialogue_step - see the head of this file. heard: may be NULL, for WQ_HEARD_NOTHING. */
void wq_dialogue_step(wq_dialogue *dialogue, const wq_heard *heard, uint64_t now_ms, wq_step *step);

/* wq_dialogue_wipe - zeros everywhere: after DONE, once the values are taken over. */
void wq_dialogue_wipe(wq_dialogue *dialogue);

/* What the app wants; the next step, with WQ_HEARD_NOTHING, begins it. All return 0, or WQ_E_STATE: not in this kind of
 * dialogue, or not now. */

/* wq_dialogue_get - STATE: fetch the whole again. */
int wq_dialogue_get(wq_dialogue *dialogue);

/* wq_dialogue_report - STATE: send the host's document, an object of what to change, as reported state. One at a time, so
 * that none overtakes another: not before TELL_REPORTED has ended the one before, until which the document must stay with
 * the host. It is sent again if the service is busy, or the connection ends without an answer.
 * only_unchanged: not if the service's version is another than the one told last; then TELL_REPORTED has status 409 or
 * 412, and the whole is told anew. Alibaba has no such thing, and sends. */
int wq_dialogue_report(wq_dialogue *dialogue, bool only_unchanged);

enum wq_job_status { WQ_JOB_IN_PROGRESS = 0, WQ_JOB_SUCCEEDED = 1, WQ_JOB_FAILED = 2, WQ_JOB_REJECTED = 3 };

/* wq_dialogue_job - JOBS: how the job that was told goes. details: the host's document, an object of texts, goes with it.
 * One at a time, as above, until TELL_JOB_UPDATED or TELL_JOB_GONE. After any status but IN_PROGRESS comes the next job. */
int wq_dialogue_job(wq_dialogue *dialogue, uint8_t status, bool details);

/* wq_dialogue_operation - OPERATIONS: an operation came, and is begun: the service is told that it is EXECUTING.
 * child: the serial in the row, if it is not the device's own; otherwise empty. fragment: the operation's, "c8y_Restart".
 * *ticket: for wq_dialogue_finish(). WQ_E_FULL: WQ_OPERATIONS_MAX are at work; WQ_E_ARG: a name is empty, too long, or
 * cannot stand in a topic or row. */
int wq_dialogue_operation(wq_dialogue *dialogue, wq_bytes child, wq_bytes fragment, uint32_t *ticket);

/* wq_dialogue_finish - the operation is done, or failed. document: the host's document of that ticket goes with it: the
 * row's further fields, quoted as SmartREST wants, such as results, or the reason of a failure. Its answer waits for those
 * of earlier operations of the same child and fragment. The document must stay with the host until TELL_OPERATION.
 * WQ_E_TOKEN: there is no such operation, or it was finished before. */
int wq_dialogue_finish(wq_dialogue *dialogue, uint32_t ticket, bool good, bool document);

#ifdef __cplusplus
}
#endif
#endif
