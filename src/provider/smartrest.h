/* SPDX-License-Identifier: MIT
 *
 * smartrest.h - SmartREST 2.0, the text format that Cumulocity speaks over MQTT: one message a row, its fields separated
 * by commas, the first of them the id of a template that gives the others their meaning.
 *
 *   100,myDevice,myType
 *   511,mySerial,"say ""hi"", then
 *   go"
 *
 * Four parts, each usable alone: topics, the table of static templates, a writer that checks rows by that table before
 * they are sent, and a reader that takes its input in any pieces. Nothing here allocates, and nothing keeps pointers past
 * what the call or the struct says. Errors are those of wasmqtt.h and of enum wq_smartrest_error, which share one range
 * of numbers. */
#ifndef WQ_PROVIDER_SMARTREST_H
#define WQ_PROVIDER_SMARTREST_H

#include "../wasmqtt.h"

/* The largest packet that Cumulocity takes, in bytes, all of it counted. */
#define WQ_SMARTREST_PACKET_MAX 16184u

/* enum wq_smartrest_error - beside enum wq_error, in the same bands: what is below -200 came from the peer. */
enum wq_smartrest_error {
  WQ_SMARTREST_E_MISSING = -151,   /* a required argument is missing or empty */
  WQ_SMARTREST_E_TOO_MANY = -152,  /* the template has no such argument */
  WQ_SMARTREST_E_TYPE = -153,      /* the value is not of the argument's type */
  WQ_SMARTREST_E_TEXT = -154,      /* the value is not UTF-8, has U+0000, or is over 65535 bytes */
  WQ_SMARTREST_E_BACKSLASH = -155, /* the value needs quotes and has a backslash where it would escape one */
  WQ_SMARTREST_E_RECEIVED = -156,  /* this template is received, not published */
  WQ_SMARTREST_E_MODE = -157,      /* modes q/ and c/ take measurements and events only */
  WQ_SMARTREST_E_ID = -158,        /* a row has no template id; on s/ut, one that is neither 10 nor 11 */
  WQ_SMARTREST_E_DUPLICATE = -159, /* s/ut: the collection has a template with this message id already */
  WQ_SMARTREST_E_SIZE = -160,      /* the row (s/ut: the collection) is too large for one packet */

  WQ_SMARTREST_E_QUOTE = -251,    /* a quote inside an unquoted field, or text behind a closing quote */
  WQ_SMARTREST_E_UNCLOSED = -252, /* a quoted field does not end */

  WQ_SMARTREST_E_ROW = -351,   /* the row is longer than the reader's buffer */
  WQ_SMARTREST_E_FIELDS = -352 /* the row has more fields than the reader has room for */
};

/* wq_smartrest_error_text - what happened, as a person reads it; of enum wq_smartrest_error only, "" for others. Static. */
const char *wq_smartrest_error_text(int error);

/* ---------------------------------------------------------------------------------------------------- topics */

/* enum wq_smartrest_mode - how Cumulocity processes what is published; the first level of the topic. */
enum wq_smartrest_mode {
  WQ_SMARTREST_PERSISTENT = 's', /* stored, and seen by real-time processing. All else is in this mode only */
  WQ_SMARTREST_TRANSIENT = 't',  /* real-time processing only: not stored */
  WQ_SMARTREST_QUIESCENT = 'q',  /* stored, without real-time notifications; measurements and events only */
  WQ_SMARTREST_CEP = 'c'         /* to complex event processing only: not stored, no notifications; as above */
};

/* enum wq_smartrest_kind - what a topic is for. The first ones are published to, the others subscribed to. */
enum wq_smartrest_kind {
  WQ_SMARTREST_US = 1, /* s/us, s/us/CHILD: rows of static templates, from the device or from a child. Any mode */
  WQ_SMARTREST_UC,     /* s/uc/XID: rows of a template collection. Any mode */
  WQ_SMARTREST_UD,     /* s/ud: rows of the collection that the client id names. Any mode */
  WQ_SMARTREST_UT,     /* s/ut/XID: make a collection; an empty payload asks whether it exists */
  WQ_SMARTREST_UCR,    /* s/ucr: an empty payload asks for credentials */
  WQ_SMARTREST_UAT,    /* s/uat: an empty payload asks for a token */
  WQ_SMARTREST_DS,     /* s/ds: operations, and answers to static templates; also for all children */
  WQ_SMARTREST_DC,     /* s/dc/XID: operations and answers of a collection */
  WQ_SMARTREST_DD,     /* s/dd: of the collection that the client id names */
  WQ_SMARTREST_DT,     /* s/dt: what became of a collection */
  WQ_SMARTREST_DCR,    /* s/dcr: credentials */
  WQ_SMARTREST_DAT,    /* s/dat: a token */
  WQ_SMARTREST_E       /* s/e: errors; see wq_smartrest_failure */
};

typedef struct wq_smartrest_topic {
  uint8_t kind;  /* enum wq_smartrest_kind */
  uint8_t mode;  /* enum wq_smartrest_mode */
  wq_bytes name; /* US: the child's id, absent for the device; a child's child is named by the way to it, "a/b". UC, UT,
                    DC: the X-ID. Absent for all else */
} wq_smartrest_topic;

/* wq_smartrest_topic_read - 0 and *t, whose name points into the topic; WQ_E_TOPIC if it is none of the above. */
int wq_smartrest_topic_read(wq_bytes topic, wq_smartrest_topic *t);

/* wq_smartrest_topic_write - the topic's length; WQ_E_TOPIC if there is no such topic: a mode or a name that the kind
 * does not have, or lacks; WQ_E_FULL if it takes more than `room` bytes. */
int wq_smartrest_topic_write(uint8_t *dst, uint32_t room, const wq_smartrest_topic *t);

/* wq_smartrest_payload_max - bytes of payload that a PUBLISH may have if the whole packet is to have at most `packet_max`.
 * properties: what they take in the packet with their length, so 0 in 3.x and at least 1 in 5.0. 0 if nothing fits. */
uint32_t wq_smartrest_payload_max(uint32_t packet_max, uint32_t topic_len, uint8_t qos, uint32_t properties);

/* ---------------------------------------------------------------------------------------------------- templates */

/* enum wq_smartrest_role - what a static template is. */
enum wq_smartrest_role {
  WQ_SMARTREST_PUBLISHED = '>', /* the device sends it */
  WQ_SMARTREST_RESPONSE = '<',  /* the answer to something that the device sent */
  WQ_SMARTREST_OPERATION = '!'  /* what an operator wants done: its first argument is the serial of the device or child,
                                   its name is the fragment that 501, 502 and 503 want */
};

typedef struct wq_smartrest_template {
  wq_bytes id;         /* "100". Static */
  uint8_t kind;        /* enum wq_smartrest_kind of the topic it is for */
  uint8_t role;        /* enum wq_smartrest_role */
  wq_bytes name;       /* "createDevice", or of an operation "c8y_Restart". Static */
  const char *pattern; /* its arguments, for wq_smartrest_args_begin(). NULL: there is no such template */
} wq_smartrest_template;

/* wq_smartrest_find - the static template of that id on that kind of topic. false if there is none: on UC, UD, DC and DD
 * always, since there ids are whatever the collection says. */
bool wq_smartrest_find(uint8_t kind, wq_bytes id, wq_smartrest_template *t);

/* wq_smartrest_at - the index-th of all templates, in no particular order; false past the last. */
bool wq_smartrest_at(uint32_t index, wq_smartrest_template *t);

/* enum wq_smartrest_type - of an argument. */
enum wq_smartrest_type {
  WQ_SMARTREST_TEXT = 't',
  WQ_SMARTREST_NUMBER = 'n',           /* -12.5e3: as JSON and JavaScript write numbers */
  WQ_SMARTREST_INTEGER = 'i',          /* -12 */
  WQ_SMARTREST_UNSIGNED = 'u',         /* 12 */
  WQ_SMARTREST_DATE = 'd',             /* 2016-06-22T17:03:14.000+02:00: the fraction may be missing, the offset not;
                                          that there is such a day is not checked */
  WQ_SMARTREST_BOOLEAN = 'b',          /* true or false */
  WQ_SMARTREST_SEVERITY = 's',         /* CRITICAL, MAJOR, MINOR or WARNING */
  WQ_SMARTREST_ALARM_STATUS = 'k',     /* ACTIVE, ACKNOWLEDGED or CLEARED */
  WQ_SMARTREST_OPERATION_STATUS = 'o', /* PENDING, EXECUTING, SUCCESSFUL or FAILED */
  WQ_SMARTREST_METHOD = 'm',           /* GET, PUT or POST */
  WQ_SMARTREST_API = 'a',              /* INVENTORY, MEASUREMENT, ALARM, EVENT or OPERATION; what the method has */
  WQ_SMARTREST_VALUE_TYPE = 'v',       /* STRING, DATE, NUMBER, INTEGER, UNSIGNED, FLAG, SEVERITY, ALARMSTATUS or
                                          OPERATIONSTATUS */
  WQ_SMARTREST_PATH = 'p',             /* a JSONPath without filters */
  WQ_SMARTREST_MARKER = '$'            /* 527: the word itself begins a part, "$SW" */
};

typedef struct wq_smartrest_arg {
  wq_bytes name;  /* "childId". Static. Absent if the template has no such argument */
  uint8_t type;   /* enum wq_smartrest_type */
  bool required;  /* may not be missing or empty. false for 210's rssi and ber, of which one is wanted */
  bool repeats;   /* comes again and again, alone or with its neighbours */
  uint32_t round; /* how often it came before: 0, 1, ... */
} wq_smartrest_arg;

/* wq_smartrest_args - goes through the arguments of a row. Internal fields. */
typedef struct wq_smartrest_args {
  const char *pattern, *at, *group, *then;
  uint32_t count, round;
  uint8_t method, value_type;
  bool either, optional;
} wq_smartrest_args;

void wq_smartrest_args_begin(wq_smartrest_args *a, const wq_smartrest_template *t);

/* wq_smartrest_args_next - which argument the next field is. false, and a name that is absent, if the template has no more:
 * then Cumulocity has added something to it, or the row is wrong. `value` is the field's, since in 527, 10 and 11 values
 * decide what comes next. Absent, it lists the arguments of a template, each once; none of those that may come again and
 * again or not at all is required then. */
bool wq_smartrest_args_next(wq_smartrest_args *a, wq_bytes value, wq_smartrest_arg *arg);

/* wq_smartrest_args_missing - after the last field: the position, from 1, of an argument that is required and has not
 * come, and *arg; 0 if there is none. */
uint32_t wq_smartrest_args_missing(const wq_smartrest_args *a, wq_smartrest_arg *arg);

/* wq_smartrest_get - the field of a row that a template's argument names; absent if the row has none.
 * fields: all of the row, its id first. round: of arguments that come again and again, which. */
wq_bytes wq_smartrest_get(const wq_smartrest_template *t, const wq_bytes *fields, uint32_t count, const char *name,
                          uint32_t round);

/* wq_smartrest_type_fits - whether a value, not empty, is of a type.*/
bool wq_smartrest_type_fits(uint8_t type, wq_bytes value);

/* wq_smartrest_type_text - "a number", "CRITICAL, MAJOR, MINOR or WARNING": what would fit. Static. */
const char *wq_smartrest_type_text(uint8_t type);

/* ---------------------------------------------------------------------------------------------------- writer */

/* wq_smartrest_writer - rows for one topic, in the caller's memory. Rows of static templates are checked by the table;
 * ids that it does not know, and all rows for UC and UD, are written as they are given. On s/ut, the rows are those of a
 * template collection:
 *
 *   10,ID,METHOD,API,RESPONSE,then what METHOD and API want,then PATH,TYPE,VALUE as often as needed
 *   11,ID,BASE,CONDITION,PATTERN,...
 *
 * where a value that is left empty is given by each row that uses the template. The first mistake in a row drops that row
 * and no other. */
typedef struct wq_smartrest_writer {
  bool doubled; /* may be set after wq_smartrest_writer_init(): quotes within quotes as "" instead of \" */

  /* what wq_smartrest_describe() tells; read only */
  int error;                   /* of the row that was last begun; 0 if there is none yet */
  uint32_t position;           /* of the argument at fault, from 1; 0 if it is the row as such */
  wq_smartrest_template known; /* of that row, if the table has it */
  wq_smartrest_arg arg;        /* the argument at fault, if it has a name */

  /* internal */
  uint8_t *dst;
  uint32_t room, len, row, key, key_len, payload_max;
  wq_smartrest_args args;
  uint8_t kind, mode;
  bool open;
} wq_smartrest_writer;

/* wq_smartrest_writer_init - no rows. 0, or WQ_E_TOPIC if the topic is not one that rows are published to.
 * dst, room: where the rows are put; the caller's, as long as the writer is used. payload_max: no row may be longer;
 * see wq_smartrest_payload_max(). The topic is not kept. */
int wq_smartrest_writer_init(wq_smartrest_writer *w, uint8_t *dst, uint32_t room, wq_bytes topic, uint32_t payload_max);

/* wq_smartrest_row - one row: fields[0] is the template's id, the others its arguments. 0; an error of
 * enum wq_smartrest_error; WQ_E_FULL if it does not fit behind the rows that are there: send those,
 * wq_smartrest_clear(), and give this one again. */
int wq_smartrest_row(wq_smartrest_writer *w, const wq_bytes *fields, uint32_t count);

/* The same, piece by piece: begin, one call for each argument, end. Each returns what is wrong with the row by now; end
 * drops a row with which something is. An argument that is left out is given as empty; empty ones at the end count as left
 * out. A row that was not ended is dropped by the next begin; without a begin, all return WQ_E_STATE.
 * wq_smartrest_date: milliseconds since 1970, of the years 0 to 9999; for any other WQ_E_ARG, and no argument. */
int wq_smartrest_begin(wq_smartrest_writer *w, wq_bytes id);
int wq_smartrest_text(wq_smartrest_writer *w, wq_bytes value);
int wq_smartrest_integer(wq_smartrest_writer *w, int64_t value);
int wq_smartrest_boolean(wq_smartrest_writer *w, bool value);
int wq_smartrest_date(wq_smartrest_writer *w, int64_t unix_ms);
int wq_smartrest_end(wq_smartrest_writer *w);

/* wq_smartrest_rows - all rows there are, a line feed between two. Valid until the writer or its memory changes. */
wq_bytes wq_smartrest_rows(const wq_smartrest_writer *w);

/* wq_smartrest_clear - no rows again. */
void wq_smartrest_clear(wq_smartrest_writer *w);

/* wq_smartrest_describe - what is wrong with the row last begun, for a person: "200 createMeasurement, argument 3 (value):
 * the value does not fit; wanted is a number". Without the value, which may be a secret. Returns the length, 0 if nothing
 * is wrong; what is over `room` is cut off. Not NUL-terminated. */
uint32_t wq_smartrest_describe(const wq_smartrest_writer *w, char *dst, uint32_t room);

/* wq_smartrest_next_row - the next row of a text, as it is written, that is not empty; false if there is none. */
bool wq_smartrest_next_row(wq_bytes *rest, wq_bytes *row);

/* wq_smartrest_split - from *rest, rows as above, take as many as fit one payload: 1 and *payload, 0 if there are no more,
 * WQ_SMARTREST_E_SIZE if the next row alone is too long; then that row is *payload and *rest goes on behind it. */
int wq_smartrest_split(wq_bytes *rest, uint32_t payload_max, wq_bytes *payload);

/* ---------------------------------------------------------------------------------------------------- reader */

/* wq_smartrest_reader - rows out of bytes that come in any pieces. Within quotes \" and "" both stand for a quote, any
 * other backslash for itself. Rows end at LF or CR LF; those that are empty are passed over. A malformed row costs its
 * first line and no more, since what is behind a missing quote is most likely well. The text is not checked to be
 * UTF-8. */
typedef struct wq_smartrest_reader {
  uint32_t count;  /* fields of the row, its template id first; they lie in the caller's array */
  uint32_t line;   /* where in the message: of a row its first line, of an error its place. From 1 */
  uint32_t column; /* in bytes, from 1 */

  /* internal */
  wq_bytes *fields;
  uint8_t *buffer;
  uint32_t fields_room, room, base, scanned, len;
  uint32_t now_line, now_column, row_line, quote_line, quote_column;
  uint8_t state, skip;
} wq_smartrest_reader;

/* wq_smartrest_reader_init - buffer: for one row as it comes, at least 1 byte. fields: at least 1. The caller's, as long as
 * the reader is used. */
void wq_smartrest_reader_init(wq_smartrest_reader *r, uint8_t *buffer, uint32_t room, wq_bytes *fields,
                              uint32_t fields_room);

/* wq_smartrest_read - take from *in up to the end of a row.
 *    1  a row: `count` fields, which point into the buffer and live until the next call
 *    0  *in is used up; with `last`, so is the message, and the next bytes begin a new one
 *   <0  a row that cannot be had, at `line` and `column`: WQ_SMARTREST_E_QUOTE, _UNCLOSED, _ROW or _FIELDS
 * Call again until it is 0, with what *in then is. last: *in holds the end of the message. */
int wq_smartrest_read(wq_smartrest_reader *r, wq_bytes *in, bool last);

/* ---------------------------------------------------------------------------------------------------- errors on s/e */

/* wq_smartrest_failure - an error on s/e: "40,999,No static template for this message id". It is for people: its form is no
 * part of Cumulocity's contract. */
typedef struct wq_smartrest_failure {
  uint16_t code;  /* 40 template not found, 41 creation refused, 42 malformed row, 43 unknown id, 45 wrong arguments,
                     50 server error; 0 if the payload has another form, which then is all text */
  wq_bytes id;    /* of the template that the row at fault was for; may be empty */
  wq_bytes cause; /* the server's words */
} wq_smartrest_failure;

/* wq_smartrest_failure_read - a payload of s/e. The views point into it. */
void wq_smartrest_failure_read(wq_bytes payload, wq_smartrest_failure *f);

#define WQ_SMARTREST_SENT_MAX 64 /* a power of two */

/* wq_smartrest_sent - the rows that were published last, so that an error can be tied to one of them. Zeroed, it is
 * empty. Internal fields. */
typedef struct wq_smartrest_sent {
  uint32_t next; /* where the next is noted; not wrapped around */
  struct {
    uint32_t token, row, id; /* id: a hash of the template's id; row 0: none */
  } rows[WQ_SMARTREST_SENT_MAX];
} wq_smartrest_sent;

/* wq_smartrest_sent_add - note the rows of a payload that is published. token: the caller's, to know it again. */
void wq_smartrest_sent_add(wq_smartrest_sent *s, wq_bytes payload, uint32_t token);

/* wq_smartrest_sent_find - the latest row of the template that an error names. Returns how many there are, 0 if none: of
 * several, the latest is a guess. *row counts from 1 in its payload. */
uint32_t wq_smartrest_sent_find(const wq_smartrest_sent *s, wq_bytes id, uint32_t *token, uint32_t *row);
#endif
