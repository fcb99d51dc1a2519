/* SPDX-License-Identifier: MIT
 *
 * wasmqtt - an MQTT 3.1, 3.1.1 and 5.0 client that does no input or output of its own.
 *
 * The client is a machine with four edges. A host (a web page, a POSIX program, a test) owns the socket, the clock, the
 * memory and the randomness, and does just this:
 *
 *   - gives the bytes that came from the network to wq_feed(), then reads what they meant from wq_events();
 *   - sends what wq_output() holds, then says so with wq_output_ack();
 *   - calls wq_tick() when the moment that wq_deadline() names has come;
 *   - queues work at any time: wq_publish(), wq_subscribe(), wq_ack(), ...
 *
 * Rules that hold everywhere:
 *
 *   Time      `now_ms` is monotonic milliseconds and must never be below a value given before to the same client.
 *   Lifetime  Events, and the bytes they point to, live until the next *input call* on that client: wq_connect(),
 *             wq_feed(), wq_skipped(), wq_tick(), wq_lost(). Every other call leaves them untouched, so work may be
 *             queued while events are read. Arguments are copied before a call returns, unless it says otherwise.
 *   Threads   A client may be used by one thread at a time. Clients share nothing.
 *   Errors    A function that can fail returns a negative number of enum wq_error, whose range says who must act. No
 *             call that returned an error changed any state, but where it says so.
 *   Untrusted Every byte given to wq_feed() may be hostile. Lengths inside a packet are never trusted beyond the bytes
 *             that came.
 *
 * Specification ids are written [M3:x] for MQTT 3.1.1 and [M5:x] for MQTT 5.0. */
#ifndef WASMQTT_H
#define WASMQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ vocabulary */

/* wq_bytes - a view on bytes that belong to somebody else. `data` may be NULL only if `len` is 0; where a field is
 * optional, data == NULL means "absent" and len == 0 with data != NULL means "present and empty". */
typedef struct wq_bytes {
  const uint8_t *data;
  uint32_t len;
} wq_bytes;

/* enum wq_version - the protocol level, as CONNECT carries it. */
enum wq_version { WQ_MQTT_3_1 = 3, WQ_MQTT_3_1_1 = 4, WQ_MQTT_5_0 = 5 };

/* enum wq_packet_type - control packet types [M3:2.2.1] [M5:2.1.2]. */
enum wq_packet_type {
  WQ_CONNECT = 1,
  WQ_CONNACK = 2,
  WQ_PUBLISH = 3,
  WQ_PUBACK = 4,
  WQ_PUBREC = 5,
  WQ_PUBREL = 6,
  WQ_PUBCOMP = 7,
  WQ_SUBSCRIBE = 8,
  WQ_SUBACK = 9,
  WQ_UNSUBSCRIBE = 10,
  WQ_UNSUBACK = 11,
  WQ_PINGREQ = 12,
  WQ_PINGRESP = 13,
  WQ_DISCONNECT = 14,
  WQ_AUTH = 15
};

/* enum wq_error - every failure. The range tells who must act:
 *   -101..-199  the caller made a mistake; nothing changed, go on
 *   -201..-299  the peer broke the protocol. Sticky: the DISCONNECT that MQTT 5.0 asks for is already in the output;
 *               send it, close the socket, call wq_lost()
 *   -301..-399  a limit was reached; nothing changed, try again later
 *   -500..-755  the server refused: the reason code is -(error) - 500, see WQ_REFUSED_REASON()
 *   -901..-999  fatal: only the memory may be reused
 * wq_error_name() gives the name, wq_error_text() a sentence for a person. */
enum wq_error {
  WQ_OK = 0,

  WQ_E_ARG = -101,      /* an argument is out of its range, or a combination makes no sense */
  WQ_E_STATE = -102,    /* not now: the call needs another status, see the call */
  WQ_E_TOPIC = -103,    /* topic name empty, not UTF-8, over 65535 bytes, or with + # or U+0000 */
  WQ_E_FILTER = -104,   /* topic filter empty, not UTF-8, over 65535 bytes, or with misplaced wildcards */
  WQ_E_UTF8 = -105,     /* another string is not UTF-8 as MQTT wants it, or is over 65535 bytes */
  WQ_E_PROPERTY = -106, /* properties are malformed, forbidden in this packet, or given for a 3.x connection */
  WQ_E_VERSION = -107,  /* the protocol version in force cannot carry this */
  WQ_E_TOKEN = -108,    /* no such message: the token was never given, or is settled */
  WQ_E_SERVER_LIMIT =
      -109, /* over what the server announced (Maximum Packet Size, Maximum QoS, Retain Available...), or
                               QoS 2 where a 3.x server answered PUBLISH with PUBACK */

  WQ_E_MALFORMED = -201,       /* a packet cannot be parsed (reason 0x81) */
  WQ_E_PROTOCOL = -202,        /* a packet that must not come, or not now (0x82) */
  WQ_E_TOPIC_INVALID = -203,   /* a PUBLISH with a topic name that is none (0x90) */
  WQ_E_TOPIC_ALIAS = -204,     /* a Topic Alias of 0, over our maximum, or never defined (0x94) */
  WQ_E_RECEIVE_MAX = -205,     /* more unacknowledged PUBLISHes than our Receive Maximum (0x93) */
  WQ_E_PACKET_SIZE = -206,     /* a packet over our Maximum Packet Size (0x95) */
  WQ_E_CONNACK_TIMEOUT = -207, /* no CONNACK within the time of wq_connect_args */
  WQ_E_PING_TIMEOUT = -208,    /* nothing came from the server after a PINGREQ */

  WQ_E_FULL = -301,   /* output, queue or packet ids are used up; drain the output, or wait for WQ_EV_SETTLED */
  WQ_E_MEMORY = -302, /* more memory is wanted: wq_memory_wanted(), wq_add_memory(), then call again */

  WQ_E_REFUSED = -500, /* minus the reason code: -628 is 0x80. In wq_event.result only */

  WQ_E_OUTCOME_UNKNOWN =
      -310,            /* the session was lost while a PUBLISH was under way that is not to be sent again, see enum
                                  wq_resend. In wq_event.result only */
  WQ_E_EXPIRED = -311, /* the Message Expiry Interval was over before the message left. In wq_event.result only */
  WQ_E_FATAL = -901    /* memory was corrupted, or a call came on a dead client */
};
#define WQ_REFUSED(reason) (WQ_E_REFUSED - (int)(reason))
#define WQ_IS_REFUSED(err) ((err) <= WQ_E_REFUSED && (err) > WQ_E_REFUSED - 256)
#define WQ_REFUSED_REASON(err) ((uint8_t)(WQ_E_REFUSED - (err)))

/* wq_error_name - "WQ_E_TOPIC" for WQ_E_TOPIC; "WQ_E_REFUSED" for that band; "WQ_E_UNKNOWN" for anything else. Static. */
const char *wq_error_name(int error);

/* wq_error_text - one English sentence that says what happened and what to do. Static. */
const char *wq_error_text(int error);

/* wq_reason_name - the specification's name for a reason code of MQTT 5.0 or, with version 3 or 4 and a CONNACK, for a
 * return code. "Unknown reason code" where it has none. Static. [M5:2.4] [M3:3.2.2.3]
 * packet_type: enum wq_packet_type of the packet that carried it (0x00 has another name in SUBACK and DISCONNECT). */
const char *wq_reason_name(uint8_t packet_type, uint8_t version, uint8_t reason);

/* ------------------------------------------------------------------------------------------------ the client */

typedef struct wq_client wq_client;

/* wq_config - fixed for a client's life. Fill with wq_config_init(), then change what you need. Append-only: fields past
 * the caller's `size` keep their default; zero means the default. */
typedef struct wq_config {
  uint32_t size;         /* sizeof(wq_config) of the caller */
  uint32_t events_max;   /* events one input call may leave, 16..65536; default 512 */
  uint32_t output_size;  /* bytes of output kept, 4096..16777216; default 81920. Small packets must fit whole */
  uint32_t carry_size;   /* bytes kept of a packet in pieces before more is asked for, 1024..16777216; default 16384 */
  uint32_t topics_max;   /* topic names known by id, 16..1000000; default 131072. The least used goes first */
  uint32_t queue_max;    /* messages waiting or in flight, 1..1000000; default 10000 */
  uint32_t inflight_max; /* QoS 1 and 2 messages under way at once, 1..65535; default 100. A server may allow fewer */
  uint32_t receive_max;  /* unacknowledged inbound QoS 1 and 2, announced in 5.0; 1..65535; default 1024 */
  uint32_t packet_size_max; /* largest packet accepted, announced in 5.0; 1024..268435460; default 16777216 */
  uint32_t topic_alias_max; /* inbound topic aliases, announced in 5.0; 0..1024, below topics_max; default 0: none */
  uint32_t stream_min; /* a larger PUBLISH in pieces leaves its payload to the host; 1024..268435455; default 16384 */
  uint32_t seed[4];    /* random: keys the topic table's hash, since strangers choose topics. All zero is for tests */
  uint32_t topic_alias_out_max; /* topic aliases given to what is published, 1..1024, or WQ_NO_ALIASES; default 16. A
                                   server may allow fewer; in 5.0 only */
  uint32_t records_max;         /* records that may wait for wq_records_done(), 64..65536; default 0: none are made */
  uint32_t publish_rate;        /* PUBLISHes a second, a second's worth at once, 1..1000000; what is too many waits.
                                   Default 0: no limit */
} wq_config;
#define WQ_NO_ALIASES 0xFFFFFFFFu

/* wq_config_init - fill with defaults and set size. Seeds are left 0: set them to 128 random bits. */
void wq_config_init(wq_config *config);

/* wq_client_size - bytes that wq_client_init() needs for this config; 0 if a field is out of range. */
size_t wq_client_size(const wq_config *config);

/* wq_client_init - place a client at `memory`, which must be aligned to 16 bytes, stay in place, and belong to the client
 * until the host forgets it; there is nothing to free. `config` is copied.
 * Returns NULL if the config is invalid, `length` is under wq_client_size(), or memory is NULL or not aligned. */
wq_client *wq_client_init(void *memory, size_t length, const wq_config *config);

/* wq_memory_wanted - bytes of the block that the last WQ_E_MEMORY (from any call) asked for; 0 if none is wanted. */
size_t wq_memory_wanted(const wq_client *client);

/* wq_add_memory - give a block for what follows the load (topics, queue, a large packet's pieces). Aligned to 16 bytes;
 * the client's for ever, or until the client itself is forgotten. A queue-only call: legal between events. The config's
 * counts bound what is asked for in all, whatever a server sends: 52 MiB with the defaults, and four times the largest
 * packet that came in pieces and was not streamed.
 * Returns 0, or WQ_E_ARG if the block is smaller than wanted or not aligned, WQ_E_STATE if none is wanted. */
int wq_add_memory(wq_client *client, void *block, size_t length);

/* enum wq_status - what the client is doing. */
enum wq_status {
  WQ_IDLE = 0,          /* no network connection */
  WQ_CONNECTING = 1,    /* CONNECT is in the output or sent; CONNACK has not come, or waits for wq_accept() */
  WQ_CONNECTED = 2,     /* CONNACK accepted us */
  WQ_DISCONNECTING = 3, /* a DISCONNECT of ours is in the output: send it and close. Input is ignored */
  WQ_FAILED = 4 /* the peer broke the protocol, refused, or sent DISCONNECT: send the output, close, wq_lost() */
};
enum wq_status wq_client_status(const wq_client *client);

/* ------------------------------------------------------------------------------------------------ connecting */

/* wq_connect_args - what CONNECT carries. Zero the struct, set size. Properties are encoded property bytes without their
 * length (wq_property_write()), and must be empty for 3.x. */
typedef struct wq_connect_args {
  uint32_t size;   /* sizeof(wq_connect_args) of the caller */
  uint8_t version; /* enum wq_version */
  bool clean;      /* Clean Session / Clean Start */
  bool has_will;
  bool will_retain;
  uint8_t will_qos;            /* 0..2 */
  uint16_t keep_alive;         /* seconds; 0: none. A 5.0 server may override it */
  uint32_t connack_timeout_ms; /* 0: 30000 */
  wq_bytes client_id;          /* may be empty in 5.0, and in 3.1.1 with clean [M3:3.1.3-7] */
  wq_bytes username;           /* data NULL: absent */
  wq_bytes password;           /* data NULL: absent; 3.x: needs a username [M3:3.1.2-22] */
  wq_bytes properties;         /* Session Expiry Interval, Authentication Method, User Property, ... The client itself
                                  adds Receive Maximum, Maximum Packet Size and Topic Alias Maximum from its config
                                  where they are not the protocol's defaults; giving one here is WQ_E_PROPERTY */
  wq_bytes will_topic;
  wq_bytes will_payload;
  wq_bytes will_properties;
  uint16_t receive_maximum; /* QoS 1 and 2 to be sent and not acknowledged at once in 3.x, whose servers cannot say what
                               they take; 0: 65535. Not used in 5.0 */
} wq_connect_args;

/* wq_connect - begin a network connection: the host has a fresh transport open, and CONNECT is put into the output.
 * Input call; it leaves no events. Messages waiting or in flight stay; CONNACK decides about them (wq_event,
 * WQ_EV_CONNACK).
 * Status: WQ_IDLE. Returns 0, or WQ_E_STATE, WQ_E_ARG (size, version, QoS; password or will payload over 65535 bytes),
 * WQ_E_VERSION (an empty client id, or a password, that the version does not allow; in 3.1 an id of 1 to 23 bytes is
 * advised, not enforced), WQ_E_UTF8, WQ_E_TOPIC (will), WQ_E_PROPERTY, WQ_E_FULL (larger than the output area). */
int wq_connect(wq_client *client, const wq_connect_args *args, uint64_t now_ms);

/* wq_disconnect - put DISCONNECT into the output and stop: nothing else is sent. [M3:3.14.4-2] [M5:3.14.4-1]
 * reason: 0 in 3.x, in 5.0 a code of DISCONNECT; properties: encoded, 5.0 only. Status: WQ_CONNECTED, or before wq_accept(); returns 0, or
 * WQ_E_STATE, WQ_E_ARG (reason; larger than the output area), WQ_E_VERSION, WQ_E_PROPERTY (also a Session Expiry Interval
 * where CONNECT had none), WQ_E_SERVER_LIMIT (over its Maximum Packet Size), WQ_E_FULL. */
int wq_disconnect(wq_client *client, uint8_t reason, wq_bytes properties, uint64_t now_ms);

/* wq_lost - the transport is gone, or the host has closed it. Input call; from any status, back to WQ_IDLE. The output and
 * pending input are discarded. SUBSCRIBE and UNSUBSCRIBE under way are forgotten without an event (the host owns the
 * wish); QoS 0 messages that waited settle with WQ_E_STATE; QoS 1 and 2 stay for the next connection. Returns 0. */
int wq_lost(wq_client *client, uint64_t now_ms);

/* wq_auth - send AUTH (5.0, status WQ_CONNECTING or WQ_CONNECTED, only if CONNECT carried an Authentication Method).
 * reason: 0x18 continue or, once connected, 0x19 re-authenticate [M5:4.12.0-3]. properties: the Authentication Method of
 * CONNECT among them [M5:4.12.0-5] [M5:4.12.0-7]. Returns 0, or WQ_E_STATE, WQ_E_ARG, WQ_E_VERSION, WQ_E_PROPERTY (also without a
 * method), WQ_E_SERVER_LIMIT, WQ_E_FULL: as wq_disconnect(). */
int wq_auth(wq_client *client, uint8_t reason, wq_bytes properties, uint64_t now_ms);

/* wq_accept - after a CONNACK with result 0 on a connection with an Authentication Method: the server has proved itself by
 * the Authentication Data of that packet, as far as the method has it do so. Until then the status stays WQ_CONNECTING, no
 * more input is taken, and nothing that the server said counts, so that one which only pretends cannot end a session.
 * Without a method the client accepts by itself. Not an input call. Returns 0, or WQ_E_STATE if no CONNACK waits. */
int wq_accept(wq_client *client, uint64_t now_ms);

/* wq_negotiated - every limit in force on this connection; valid while connected. Owned by the client. */
typedef struct wq_negotiated_t {
  uint8_t version;     /* enum wq_version */
  uint8_t maximum_qos; /* 0..2 */
  bool session_present;
  bool retain_available;
  bool wildcard_available;    /* wildcard subscriptions */
  bool identifiers_available; /* subscription identifiers */
  bool shared_available;      /* shared subscriptions */
  uint16_t keep_alive;        /* seconds in force: the server's, if it sent one [M5:3.1.2-21] */
  uint16_t receive_maximum;   /* QoS 1 and 2 that the server takes at once; in 3.x as wq_connect_args has it */
  uint16_t topic_alias_maximum;
  uint32_t maximum_packet_size;     /* that the server takes */
  uint32_t session_expiry_interval; /* seconds in force; 0xFFFFFFFF: never */
} wq_negotiated_t;
const wq_negotiated_t *wq_negotiated(const wq_client *client);

/* ------------------------------------------------------------------------------------------------ edge 1: input */

/* wq_feed - bytes from the network, cut anywhere. Input call. `data` must stay readable until the next input call: events
 * point into it.
 * Returns how many bytes were taken, 0..length; less than 4 GiB. Fewer than given: read the events, drain the output,
 * acknowledge what was handled, then feed the rest. If that brings nothing on, the client waits for wq_ack() (its
 * receive_max is reached).
 * After a taken part, wq_skip() may ask that the bytes that follow stay with the host; until they have passed, feeding
 * is WQ_E_STATE.
 * Errors: WQ_E_MEMORY (nothing taken, no events; add memory and feed the same bytes again), WQ_E_STATE (WQ_IDLE, or
 * wq_skip() is not 0), -201..-299 (sticky; the events before the bad packet are there to be read). In WQ_DISCONNECTING and
 * WQ_FAILED all input is taken and ignored. */
int64_t wq_feed(wq_client *client, const uint8_t *data, size_t length, uint64_t now_ms);

/* wq_skip - how many of the bytes that follow the last ones taken belong to the payload of the PUBLISH being streamed:
 * the host does not feed them. It keeps them if the last event was a PUBLISH with STREAM, else it drops them. 0: none. */
uint32_t wq_skip(const wq_client *client);

/* wq_skipped - the host has taken `count` bytes, at most wq_skip(), of the payload being streamed. Input call. When it was
 * the last, a WQ_EV_PAYLOAD event completes the message, unless it was to be dropped. Returns 0 or WQ_E_ARG. */
int wq_skipped(wq_client *client, uint32_t count, uint64_t now_ms);

/* ------------------------------------------------------------------------------------------------ edge 2: output */

/* wq_output_view - bytes to send now: first data[0..len), then, if token is not 0, payload_len bytes of the payload that
 * the host keeps under that token (wq_publish_args.host_payload). Until that payload is acknowledged nothing else is put
 * into the output, no input is taken, and keep-alive rests: the host sees for itself whether its bytes move. */
typedef struct wq_output_view {
  const uint8_t *data;
  uint32_t len;
  uint32_t token;
  uint32_t payload_len;
} wq_output_view;

/* wq_output - look at the output; changes nothing. The view is good until the next call on this client. Both len and token
 * are 0 if there is nothing to send. */
void wq_output(const wq_client *client, wq_output_view *view);

/* wq_output_ack - `count` bytes of view.data were handed to the transport for good; when count == len, its payload too (if
 * token is not 0). Not an input call: events stay. Returns 0 or WQ_E_ARG (count > len). */
int wq_output_ack(wq_client *client, uint32_t count);

/* ------------------------------------------------------------------------------------------------ edge 3: events */

enum wq_event_type {
  WQ_EV_NONE = 0,
  WQ_EV_CONNACK =
      1, /* accepted (result 0; status WQ_CONNECTED, or see wq_accept()) or refused (result WQ_REFUSED(code); WQ_FAILED).
                             flags: SESSION. props. In 3.x, result carries return codes likewise, also those that are
                             reserved; and a second one that refuses is told, since services end connections so.
                             Session lost with messages in flight: each goes out again as new or settles with
                             WQ_E_OUTCOME_UNKNOWN, as enum wq_resend has it; QoS 2 with PUBREC settles as sent.
                             Messages over a limit of this connection settle with WQ_E_SERVER_LIMIT, those that were
                             in flight too; the limit on size is for a packet that names its topic. Whether the server
                             has one that was in flight is not known; with QoS 2 its packet id stays taken until the
                             exchange or the session ends */
  WQ_EV_PUBLISH = 2,     /* a message. flags: QOS, RETAIN, DUP, CARRY, NEW_TOPIC, STREAM, ACK. topic_id (0: no id),
                             topic_off/topic_len, props_off, off/len payload (with STREAM: len is the whole, the bytes
                             from off to the end of the fed data are its beginning). aux: the handle for wq_ack(), 0 with
                             QoS 0 */
  WQ_EV_PAYLOAD = 3,     /* the streamed payload of the last STREAM event is complete; aux: its handle for wq_ack() */
  WQ_EV_SETTLED = 4,     /* a publish ended. aux: token. result: 0 or an error; reason: PUBACK's, PUBREC's or PUBCOMP's
                             code (0x00, 0x10 no subscribers, ...; PUBCOMP's 0x92 is no error, since the server took
                             the message with PUBREC); props */
  WQ_EV_SUBACK = 5,      /* aux: token; off/len: one reason code a filter; props */
  WQ_EV_UNSUBACK = 6,    /* aux: token; off/len: one reason code a filter (none in 3.x); props */
  WQ_EV_DISCONNECT = 7,  /* the server's DISCONNECT. reason, props; status is WQ_FAILED */
  WQ_EV_AUTH = 8,        /* the server's AUTH. reason, props */
  WQ_EV_PONG = 9,        /* PINGRESP; aux: milliseconds since its PINGREQ, 0 if another answered that already */
  WQ_EV_TOPIC_GONE = 10, /* topic_id names nothing from here on; it may be given again later */
  WQ_EV_OVERSIZE = 11,   /* 3.x: a PUBLISH over packet_size_max is being skipped and will be acknowledged by
                             the client itself. topic_id/topic_off/topic_len, len: its payload's bytes */
  WQ_EV_STRAY_ACK = 12,  /* an acknowledgement of type aux for a packet id not in use; counted, harmless */
  WQ_EV_RECEIVED = 13    /* the server took a QoS 2 publish, and its PUBREC says more than that. aux: token; reason
                            (0x10 no subscribers, ...); props. WQ_EV_SETTLED will come */
};

/* wq_event.flags */
enum wq_event_flag {
  WQ_EVF_QOS = 0x0003, /* mask */
  WQ_EVF_RETAIN = 0x0004,
  WQ_EVF_DUP = 0x0008,
  WQ_EVF_CARRY = 0x0010,     /* offsets are into wq_carry(), not into the data of this wq_feed(): the packet came in
                                pieces (a STREAM event's payload part is always in the fed data) */
  WQ_EVF_NEW_TOPIC = 0x0020, /* the topic bytes are, from here on, what topic_id means */
  WQ_EVF_STREAM = 0x0040,    /* the payload goes on after the fed data; see wq_skip() */
  WQ_EVF_SESSION = 0x0080    /* CONNACK: session present */
};
#define WQ_NO_PROPS 0xFFFFFFFFu

/* wq_event - 32 bytes, flat. Offsets are relative to the data of the input call, or to wq_carry(). props_off is where the
 * packet's property length stands (a variable byte integer; the properties follow), or WQ_NO_PROPS. packet_id is set where
 * the packet had one; other fields that an event type does not name are 0. */
typedef struct wq_event {
  uint8_t type;      /* enum wq_event_type */
  uint8_t reason;    /* reason code, where there is one */
  uint16_t flags;    /* enum wq_event_flag */
  uint32_t topic_id; /* small enough for the index of an array; 0: none */
  uint32_t off;
  uint32_t len;
  uint16_t topic_len;
  uint16_t packet_id;
  uint32_t topic_off; /* CONNACK, SETTLED: `result`, see WQ_EVENT_RESULT() */
  uint32_t props_off;
  uint32_t aux;
} wq_event;
#define WQ_EVENT_RESULT(e) ((int32_t)(e)->topic_off)

/* wq_events - the events of the last input call, oldest first. The view is good until the next input call. */
const wq_event *wq_events(const wq_client *client, size_t *count);

/* wq_carry - what offsets of events with WQ_EVF_CARRY are relative to. */
const uint8_t *wq_carry(const wq_client *client, size_t *length);

/* ------------------------------------------------------------------------------------------------ edge 4: time */

/* wq_deadline - the moment (same clock as now_ms) at which wq_tick() wants to be called, in any status: keep-alive, answers
 * overdue, messages that expire, work that waits for room (then it is in the past). UINT64_MAX: never. Changes with any
 * call. */
uint64_t wq_deadline(const wq_client *client);

/* wq_tick - do what is due. Input call; harmless when early. Where keep-alive is on, the server hears from us within its
 * interval, and one that says nothing for the interval and 20 s more is given up. A call that comes more than a second after
 * its time tells of a host that slept: the answer that is overdue is then asked for once more, and expected within 5 s.
 * Returns 0, or WQ_E_CONNACK_TIMEOUT or WQ_E_PING_TIMEOUT (status WQ_FAILED; close the socket, wq_lost()); in WQ_FAILED the
 * error that led there, again. */
int wq_tick(wq_client *client, uint64_t now_ms);

/* wq_alive - the host knows that the server is there although nothing comes from it: bytes of ours are still leaving, and
 * the answer to a PINGREQ waits behind them. A PINGREQ that is unanswered has its whole time again from now_ms. Any
 * status. */
void wq_alive(wq_client *client, uint64_t now_ms);

/* wq_ping - send PINGREQ now and expect any byte within timeout_ms (after a wake-up, say), and then within as much again
 * until PINGRESP. Status WQ_CONNECTED. Returns 0, WQ_E_STATE, WQ_E_ARG (0) or WQ_E_FULL. */
int wq_ping(wq_client *client, uint32_t timeout_ms, uint64_t now_ms);

/* wq_throttled - the host's timers ring late (true), or when they should (false, as at first): those of a hidden page do so
 * by up to a minute. While true, PINGREQ is due when a third of the keep-alive interval has passed since there was output,
 * so that any call of wq_tick() is a chance to send it. Any status; stays over connections. */
void wq_throttled(wq_client *client, bool throttled);

/* ------------------------------------------------------------------------------------------------ work */

/* enum wq_resend - what becomes of a message with QoS 1 or 2 that was sent and not acknowledged (QoS 2: by PUBREC) when the
 * server has lost the session: it goes out again as new, and so maybe arrives twice, or settles with WQ_E_OUTCOME_UNKNOWN.
 * In a session that goes on, it is sent again in any case, with its packet id [M3:4.4.0-1] [M5:4.4.0-1]. */
enum wq_resend {
  WQ_RESEND_BY_QOS = 0, /* QoS 1 goes out again, QoS 2 settles */
  WQ_RESEND_ALWAYS = 1,
  WQ_RESEND_NEVER = 2 /* for what means nothing any more on another session: who published it says it anew */
};

/* wq_publish_args - one message. Zero the struct, set size. */
typedef struct wq_publish_args {
  uint32_t size; /* sizeof(wq_publish_args) */
  uint8_t qos;   /* 0..2 */
  bool retain;
  bool host_payload; /* the payload stays with the host: payload.data is not read, its len counts; see wq_output() */
  uint8_t resend;    /* enum wq_resend */
  wq_bytes topic;
  wq_bytes properties; /* encoded, without their length; no Topic Alias, since the client gives aliases itself. Left out
                          if it waited and goes out with 3.x. Message Expiry Interval: see wq_publish() */
  wq_bytes payload;    /* over 16384 bytes only with host_payload */
} wq_publish_args;

/* wq_publish - send a message now or, with QoS over 0, whenever there is a connection and room.
 * QoS 0: needs WQ_CONNECTED; 0 is returned when it went into the output, a token if it waits (output full, host_payload).
 * QoS 1, 2: allowed in any status; a token that WQ_EV_SETTLED will name, exactly once.
 * host_payload: the host keeps the bytes until WQ_EV_SETTLED (they may be sent again after a reconnect).
 * A Message Expiry Interval runs while the message waits: the rest goes out, in seconds rounded up; a message whose time is
 * over is not sent, and settles with WQ_E_EXPIRED at most a second later. Once sent it does not expire [M5:4.3.3-7]: sent
 * again in its session, its interval is the rest, or 1; if the session was lost it waits anew, and may expire though the
 * server had it. An interval of 0 goes out as 0, at once or never.
 * Returns 0, a token > 0, or
 *   WQ_E_STATE         QoS 0 and not connected; DISCONNECTING
 *   WQ_E_ARG           size, QoS over 2, resend, payload over 16384 bytes without host_payload; a packet larger than
 *                      MQTT can say, or (the host's payload not counted) than output_size less 64 bytes
 *   WQ_E_TOPIC         [M3:3.3.2-1] [M3:3.3.2-2] [M5:3.3.2-1] [M5:3.3.2-2] [M3:4.7.3-1] [M5:4.7.3-1]
 *   WQ_E_PROPERTY      malformed, not allowed in PUBLISH, or connected with 3.x
 *   WQ_E_SERVER_LIMIT  connected, and over Maximum Packet Size, Maximum QoS, or retain not available
 *                      [M5:3.2.2-11] [M5:3.2.2-14] [M5:3.2.2-15]
 *   WQ_E_FULL          queue_max messages wait, or QoS 0 and neither output nor queue has room
 *   WQ_E_MEMORY        add memory and call again */
int wq_publish(wq_client *client, const wq_publish_args *args, uint64_t now_ms);

/* wq_publish_room - how many bytes of packets may follow each other into the output now: wq_publish() returns 0 for each
 * valid message with QoS 0, not retained and without properties, as long as all that were given since, whatever their QoS,
 * have, each counted as topic, payload and WQ_PUBLISH_HEAD bytes, at most so many. For a host that gathers messages before
 * it hands them over. 0: ask wq_publish() for each. Good until any other call on this client. */
uint32_t wq_publish_room(const wq_client *client);
#define WQ_PUBLISH_HEAD 12u /* fixed header, topic length, packet id, properties with an alias */

/* wq_queue_room - the same of what messages with QoS 1 and 2 take besides: wq_publish() returns a token for each that is
 * within the server's Maximum QoS, as long as those that were given since have, each counted as topic, payload and
 * WQ_QUEUE_HEAD bytes, at most so many, and with those of QoS 0 no more bytes of packets than wq_publish_room() says. */
uint32_t wq_queue_room(const wq_client *client);
#define WQ_QUEUE_HEAD 124u /* a cell of 64 bytes for the message, and what may be left over of those for its bytes */

/* wq_hold - no message with QoS 1 or 2 that waits is sent, from now on or (false) no more, while those under way go on: for
 * a host that wants none under way when it ends a connection whose session ends with it, so that it knows what became of
 * each. Any status; wq_lost() ends it too. Looks at nothing else: messages are queued, expire and may be taken back. */
void wq_hold(wq_client *client, bool held);

/* wq_remove - take back a message that has not been sent. Returns 0 (no event will name the token), WQ_E_TOKEN, or
 * WQ_E_STATE if it was sent already, or has failed: WQ_EV_SETTLED will come. Looks through the messages before it. */
int wq_remove(wq_client *client, uint32_t token);

/* wq_subscription - one topic filter of a SUBSCRIBE. */
typedef struct wq_subscription {
  wq_bytes filter;
  uint8_t qos;              /* 0..2 */
  bool no_local;            /* 5.0 */
  bool retain_as_published; /* 5.0 */
  uint8_t retain_handling;  /* 5.0: 0 send retained, 1 only if new, 2 never */
} wq_subscription;

/* wq_subscribe - send SUBSCRIBE. Status WQ_CONNECTED. properties: encoded; 5.0 only. Returns a token > 0 that
 * WQ_EV_SUBACK names, or WQ_E_STATE, WQ_E_ARG (count 0, an option out of range), WQ_E_FILTER, WQ_E_VERSION (5.0 options),
 * WQ_E_PROPERTY, WQ_E_SERVER_LIMIT (size, wildcard, shared, identifiers), WQ_E_FULL, WQ_E_MEMORY.
 * [M3:3.8.3-3] [M5:3.8.3-2] [M5:3.8.3-4] */
int wq_subscribe(wq_client *client, const wq_subscription *subscriptions, size_t count, wq_bytes properties,
                 uint64_t now_ms);

/* wq_unsubscribe - send UNSUBSCRIBE, likewise; WQ_EV_UNSUBACK names the token. */
int wq_unsubscribe(wq_client *client, const wq_bytes *filters, size_t count, wq_bytes properties, uint64_t now_ms);

/* wq_ack - a QoS 1 or 2 message was handled. handle: the event's aux. Acknowledgements leave in arrival order
 * [M3:4.6.0-2] [M3:4.6.0-3] [M5:4.6.0-2] [M5:4.6.0-3]: an early one waits for those before it. A handle of an ended
 * connection does nothing.
 * reason: 0, or with 5.0 an error code of PUBACK and PUBREC (0x80 and up) [M5:3.4.2-1] [M5:3.5.2-1]: the message is
 * refused, and its packet id, of QoS 2 too, means a new message from then on [M5:4.3.3-9]. Returns 0 or WQ_E_ARG (never
 * given, or a reason that the packet cannot carry). */
int wq_ack(wq_client *client, uint32_t handle, uint8_t reason, uint64_t now_ms);

/* wq_ack_with - wq_ack() with properties: encoded; 5.0 only, Reason String and User Property. If they make the packet larger
 * than the server's Maximum Packet Size, it goes without them. [M5:3.4.2-2] [M5:3.4.2-3] [M5:3.5.2-2] [M5:3.5.2-3]
 * Returns also WQ_E_PROPERTY, WQ_E_ARG (a packet larger than output_size less 64 bytes), WQ_E_FULL (too many properties
 * wait), WQ_E_MEMORY. */
int wq_ack_with(wq_client *client, uint32_t handle, uint8_t reason, wq_bytes properties, uint64_t now_ms);

/* ------------------------------------------------------------------------------------------------ sessions that survive
 *
 * A session may outlive this client if the host keeps a store: its own messages with QoS 1 and 2 until they settle, by
 * their tokens, and what the core tells of them in records (wq_config.records_max). One rule makes that safe: bytes that
 * wq_output() shows must not be sent before each record that wq_records() shows at that moment is stored. The next life
 * begins with wq_restore() and wq_restore_received(), and connects with `clean` false. */

enum wq_record_type {
  WQ_RECORD_SENT = 1,        /* `token` has packet_id, and its PUBLISH is in the output. One of QoS 1 need not wait for
                                its record: without it the message would go out again, as new */
  WQ_RECORD_RELEASED = 2,    /* `token`: PUBREC came, PUBREL is in the output */
  WQ_RECORD_RECEIVED = 3,    /* the QoS 2 message with packet_id was acknowledged with wq_ack(): not to be told again */
  WQ_RECORD_COMPLETED = 4,   /* ... its PUBREL came, and PUBCOMP is in the output: forget it. Or wq_ack() refused the
                                message */
  WQ_RECORD_SESSION_LOST = 5 /* the server has no session: packet ids of earlier records mean nothing any more, and what
                                is not settled waits again */
};

/* wq_record - 8 bytes; fields that a type does not name are 0. */
typedef struct wq_record {
  uint8_t type; /* enum wq_record_type */
  uint8_t reserved;
  uint16_t packet_id;
  uint32_t token;
} wq_record;

/* wq_records - the records not done with, oldest first. The view is good until the next call on this client. */
const wq_record *wq_records(const wq_client *client, size_t *count);

/* wq_records_done - the first `count` records were taken over; room for as many is there again. While there is none,
 * nothing that needs a record is done: no input is taken, no message leaves. Returns 0 or WQ_E_ARG (more than there are). */
int wq_records_done(wq_client *client, size_t count);

/* wq_restore - a message of an earlier life, in the order of wq_publish() then. Before the first wq_connect().
 * args: as they were, with QoS 1 or 2; a Message Expiry Interval is what is left of it, at least 1 if packet_id is not 0.
 * packet_id: of its last WQ_RECORD_SENT, 0 if there was none since the last WQ_RECORD_SESSION_LOST; released: its
 * WQ_RECORD_RELEASED followed (QoS 2).
 * Returns a token that WQ_EV_SETTLED will name, or an error as wq_publish(), also WQ_E_STATE (not WQ_IDLE), WQ_E_ARG (QoS 0;
 * packet_id of another message; released without packet_id or QoS 2), WQ_E_FULL (more in flight than inflight_max; with
 * at least the inflight_max of the earlier life there is room). [M3:4.4.0-1] [M5:4.4.0-1] */
int wq_restore(wq_client *client, const wq_publish_args *args, uint16_t packet_id, bool released, uint64_t now_ms);

/* wq_restore_received - WQ_RECORD_RECEIVED without WQ_RECORD_COMPLETED, of an earlier life: the message will not be told
 * again. Before the first wq_connect(). Returns 0, WQ_E_ARG (0) or WQ_E_STATE. */
int wq_restore_received(wq_client *client, uint16_t packet_id);

/* wq_stats_t - counts since init; queued and inflight are of now. */
typedef struct wq_stats_t {
  uint64_t packets_in, packets_out;
  uint32_t queued;   /* messages waiting to be sent */
  uint32_t inflight; /* QoS 1 and 2 under way */
  uint32_t unacked;  /* inbound, waiting for wq_ack() */
  uint32_t topics;   /* names known by id */
  uint32_t stray_acks;
} wq_stats_t;
const wq_stats_t *wq_stats(wq_client *client);

/* ------------------------------------------------------------------------------------------------ properties */

/* enum wq_property_id - MQTT 5.0 properties [M5:2.2.2.2]. */
enum wq_property_id {
  WQ_P_PAYLOAD_FORMAT_INDICATOR = 0x01,
  WQ_P_MESSAGE_EXPIRY_INTERVAL = 0x02,
  WQ_P_CONTENT_TYPE = 0x03,
  WQ_P_RESPONSE_TOPIC = 0x08,
  WQ_P_CORRELATION_DATA = 0x09,
  WQ_P_SUBSCRIPTION_IDENTIFIER = 0x0B,
  WQ_P_SESSION_EXPIRY_INTERVAL = 0x11,
  WQ_P_ASSIGNED_CLIENT_IDENTIFIER = 0x12,
  WQ_P_SERVER_KEEP_ALIVE = 0x13,
  WQ_P_AUTHENTICATION_METHOD = 0x15,
  WQ_P_AUTHENTICATION_DATA = 0x16,
  WQ_P_REQUEST_PROBLEM_INFORMATION = 0x17,
  WQ_P_WILL_DELAY_INTERVAL = 0x18,
  WQ_P_REQUEST_RESPONSE_INFORMATION = 0x19,
  WQ_P_RESPONSE_INFORMATION = 0x1A,
  WQ_P_SERVER_REFERENCE = 0x1C,
  WQ_P_REASON_STRING = 0x1F,
  WQ_P_RECEIVE_MAXIMUM = 0x21,
  WQ_P_TOPIC_ALIAS_MAXIMUM = 0x22,
  WQ_P_TOPIC_ALIAS = 0x23,
  WQ_P_MAXIMUM_QOS = 0x24,
  WQ_P_RETAIN_AVAILABLE = 0x25,
  WQ_P_USER_PROPERTY = 0x26,
  WQ_P_MAXIMUM_PACKET_SIZE = 0x27,
  WQ_P_WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28,
  WQ_P_SUBSCRIPTION_IDENTIFIER_AVAILABLE = 0x29,
  WQ_P_SHARED_SUBSCRIPTION_AVAILABLE = 0x2A
};

/* enum wq_property_type - how a property's value is encoded [M5:1.5]. */
enum wq_property_type { WQ_T_BYTE = 1, WQ_T_U16, WQ_T_U32, WQ_T_VARINT, WQ_T_STRING, WQ_T_BINARY, WQ_T_PAIR };

/* wq_property - one property: number for the first four types, a for string and binary, a (name) and b (value) for a
 * pair. Views point into the bytes read. */
typedef struct wq_property {
  uint8_t id;   /* enum wq_property_id */
  uint8_t type; /* enum wq_property_type */
  uint32_t number;
  wq_bytes a, b;
} wq_property;

/* wq_property_info - the row for an id, or NULL if there is none. name is in the style of JavaScript ("contentType").
 * packets has bit (1 << packet type) set for each packet it may be in, and WQ_IN_WILL for the will. */
typedef struct wq_property_info_t {
  uint8_t id;
  uint8_t type;
  bool repeats; /* may stand more than once: User Property; and in a server's PUBLISH, Subscription Identifier */
  uint32_t packets;
  const char *name;
} wq_property_info_t;
#define WQ_IN_WILL 0x00000001u /* packet type 0 is reserved, so its bit is free */
const wq_property_info_t *wq_property_info(uint8_t id);

/* wq_property_read - take the next property off `properties` (encoded, without length), which is moved past it.
 * Returns 1, 0 at the end, or WQ_E_MALFORMED. Checks encoding and UTF-8, not what a packet allows. */
int wq_property_read(wq_bytes *properties, wq_property *property);

/* wq_property_write - append one property at dst[*len], which has room for `room` bytes in all; *len moves on.
 * Returns 0, WQ_E_ARG (unknown id, number or length out of range), WQ_E_UTF8 or WQ_E_FULL. */
int wq_property_write(uint8_t *dst, uint32_t room, uint32_t *len, const wq_property *property);

#ifdef __cplusplus
}
#endif
#endif
