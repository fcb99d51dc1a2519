/* SPDX-License-Identifier: MIT
 * The client's state, and what its files offer each other.
 *
 *   client.c   configuration, memory, status, statistics
 *   connect.c  CONNECT to CONNACK, DISCONNECT, AUTH, a lost connection
 *   input.c    bytes to packets: what is whole, what is carried over, what streams past
 *   receive.c  what each packet of the server means
 *   inbound.c  acknowledgements that we owe the server, in arrival order
 *   outbox.c   messages that wait or are under way, packet ids, settlement
 *   publish.c  publishing, now or when there is room; sending again after a reconnect
 *   alias.c    topic aliases for what is published
 *   expiry.c   the time that messages may wait
 *   record.c   what a host has to store of a session that is to outlive the client, and its return
 *   request.c  SUBSCRIBE and UNSUBSCRIBE
 *   time.c     deadlines and keep-alive
 *   output.c   the area of bytes to send
 *
 * Invariants between calls:
 *   - a message is in exactly one list: waiting[0], waiting[1], inflight, requests or settling;
 *   - a packet id in slots[] names a message of inflight or requests, and that message holds the id;
 *   - output[output_head..output_tail) is whole packets, or a packet's end whose beginning was acknowledged; while
 *     cut_token is set, the host's payload follows it and nothing may be appended;
 *   - events are only added while an input call runs. */
#ifndef WQ_CLIENT_CLIENT_H
#define WQ_CLIENT_CLIENT_H

#include "../codec/bytes.h"
#include "../codec/frame.h"
#include "../codec/packet.h"
#include "../codec/prop.h"
#include "../wasmqtt.h"
#include "alias.h"
#include "cells.h"
#include "intern.h"

/* Kept free at the end of the output for control packets, so that a full queue of messages cannot hold up a PINGREQ, an
 * acknowledgement or the DISCONNECT that explains a failure. */
#define WQ_OUTPUT_RESERVE 64u
#define WQ_PAYLOAD_MAX 16384u    /* larger payloads stay with the host */
#define WQ_EVENTS_PER_PACKET 3u  /* a name that leaves, the packet itself, the end of its payload */
#define WQ_REQUESTS_MAX 64u      /* SUBSCRIBE and UNSUBSCRIBE under way */
#define WQ_PACKET_ID_BYTES 8192u /* a bit for each packet id */
#define WQ_NEVER UINT64_MAX      /* as a moment */

enum wq_kind {
  WQ_KIND_PUBLISH,
  WQ_KIND_SUBSCRIBE,
  WQ_KIND_UNSUBSCRIBE,
  WQ_KIND_GIVEN_UP /* in flight: no more than the packet id of a message that was settled without the server's word */
};

enum wq_progress {
  WQ_WAITING,  /* in waiting[] */
  WQ_SENT,     /* in flight: PUBACK, PUBREC, SUBACK or UNSUBACK is expected; or QoS 0, first in waiting[0]: its head is
                  in the output, and the host's payload is to follow */
  WQ_RELEASED, /* PUBREC came; PUBCOMP is expected */
  WQ_SETTLING  /* in settling: WQ_EV_SETTLED is still to be told */
};

/* A message or a request; lives in one cell. */
typedef struct wq_message {
  uint64_t expires;    /* WQ_NEVER, or when its Message Expiry Interval is over */
  uint32_t expires_at; /* where in the properties that interval stands */
  uint32_t next, prev; /* in its list */
  uint32_t token;
  uint32_t data; /* chain: topic, properties, payload (unless host_payload) */
  uint32_t props_len, payload_len;
  int32_t result; /* while settling */
  uint16_t topic_len, packet_id;
  uint16_t filters; /* of a request */
  uint8_t kind, progress, qos;
  bool retain, host_payload, resend;
  bool sent_before; /* on an earlier connection of this session: DUP */
  bool again;       /* in flight, and still to be sent again on this connection */
} wq_message;
_Static_assert(sizeof(wq_message) <= WQ_CELL_SIZE, "a message fits one cell");

typedef struct wq_list {
  uint32_t first, last, count;
} wq_list;

/* One acknowledgement owed. */
typedef struct wq_owed {
  uint16_t packet_id;
  uint8_t qos;
  uint8_t reason;
  bool ready;     /* the host acknowledged */
  bool repeat;    /* PUBREC for a PUBLISH that was already taken */
  uint32_t props; /* chain of so many bytes */
  uint32_t props_len;
} wq_owed;

struct wq_client {
  wq_config config;
  enum wq_status status;
  int failure; /* why status is WQ_FAILED, for calls that must say it again */
  wq_negotiated_t negotiated;
  wq_stats_t stats;
  uint64_t now;

  wq_cells cells;
  wq_intern topics;
  enum wq_want want;
  size_t want_bytes;

  wq_event *events;
  uint32_t events_n;

  uint8_t *output;
  uint32_t output_head, output_tail;
  uint32_t cut_token, cut_len; /* the host's payload that follows output_tail */
  uint64_t output_at;          /* when bytes were last put there */

  uint8_t *carry;
  uint32_t carry_size, carry_n;
  uint32_t carry_done; /* bytes at its start that events point into; dropped by the next input call */
  uint32_t skip;       /* payload bytes that the host still has to pass over */
  uint32_t skip_handle;
  bool skip_discard;

  /* inbound */
  uint32_t *alias_topics; /* [1..topic_alias_max] */
  wq_owed *owed;          /* ring of owed_n entries, power of two */
  uint32_t owed_n;
  uint32_t owed_first, owed_next; /* handles: odd numbers, ever rising, so that none is 0 when they wrap */
  uint32_t unreleased;            /* QoS 2 ids with PUBREC sent and PUBREL not come */
  uint8_t *received;              /* bit for each packet id: PUBREC was sent, or is owed on the next connection */
  uint8_t *handling;              /* bit for each packet id: a QoS 2 PUBLISH is with the host */

  /* outbound */
  uint32_t *slots; /* packet id & (slots_n - 1) -> message */
  uint32_t slots_n;
  uint16_t packet_id; /* the last one given */
  uint32_t last_token;
  int32_t quota;      /* PUBLISHes with QoS 1 or 2 that the server still takes [M5:4.9.0-1]; below 0: a resumed session
                         has more of them under way than that */
  uint32_t again_at;  /* the next message in flight that may have to be sent again */
  uint64_t expiry_at; /* nothing in waiting[] is over before */
  uint64_t paced_us;  /* what was sent fills publish_rate until then, and may be a second ahead */
  wq_list waiting[2]; /* QoS 0, and QoS 1 or 2 */
  wq_list inflight;   /* sent, until acknowledged for good [M3:4.3.2-1] [M5:4.3.2-3] [M5:4.3.3-3] [M5:4.3.3-5] */
  uint32_t given_up;  /* how many of those are WQ_KIND_GIVEN_UP */
  wq_list requests, settling;
  wq_aliases aliases;
  bool held;    /* nothing of waiting[1] is to be sent, see wq_hold() */
  bool no_qos2; /* the server of a 3.x connection has shown that it does not know QoS 2 */

  wq_record *records;
  uint32_t records_n;

  /* connection */
  bool clean, has_auth;
  bool confirming;                              /* CONNACK came, and waits for wq_accept() */
  bool no_client_id, no_responses, no_problems; /* in CONNECT of 5.0 */
  uint32_t auth_method;                         /* hash of the Authentication Method of CONNECT */
  uint32_t session_expiry_asked;
  uint64_t connack_by;
  uint64_t heard_at; /* when bytes last came from the server */
  uint64_t ping_at;  /* a PINGREQ is unanswered since then, if pinging */
  uint64_t ping_by;
  uint32_t ping_timeout;
  bool pinging;
  bool asked_again; /* the host slept past ping_by, so it was put off, which may be done once */
  bool throttled;   /* the host's timers ring late */
};

/* client.c */
void wq_want(wq_client *c, enum wq_want want, size_t bytes);
/* The caller has looked at wq_events_room(). */
static inline wq_event *wq_event_new(wq_client *c) { return &c->events[c->events_n++]; }
static inline wq_event *wq_event_add(wq_client *c, uint8_t type) {
  wq_event *event = wq_event_new(c);
  *event = (wq_event){.type = type, .props_off = WQ_NO_PROPS};
  return event;
}
void wq_input_begin(wq_client *c, uint64_t now_ms);
static inline bool wq_events_room(const wq_client *c, uint32_t n) { return c->config.events_max - c->events_n >= n; }

/* output.c */
/* Room for `n` bytes, contiguous; NULL if there is none. `reserve`: leave WQ_OUTPUT_RESERVE free. */
uint8_t *wq_output_room(wq_client *c, uint32_t n, bool reserve);
void wq_output_add(wq_client *c, uint32_t n, uint64_t now_ms); /* n bytes were written at wq_output_room() */
static inline uint32_t wq_output_free(const wq_client *c) {
  return c->cut_token ? 0 : c->config.output_size - (c->output_tail - c->output_head);
}
bool wq_output_ack_packet(wq_client *c, uint8_t type, uint16_t packet_id, uint8_t reason);
void wq_output_clear(wq_client *c);

/* outbox.c */
wq_message *wq_message_at(const wq_client *c, uint32_t cell);
void wq_list_append(wq_client *c, wq_list *list, uint32_t cell);
void wq_list_prepend(wq_client *c, wq_list *list, uint32_t cell);
void wq_list_remove(wq_client *c, wq_list *list, uint32_t cell);
uint32_t wq_message_new(wq_client *c, uint8_t kind); /* a free cell was checked */
void wq_message_free(wq_client *c, uint32_t cell);
bool wq_packet_id_take(wq_client *c, uint32_t cell); /* false: all are in use */
bool wq_packet_id_free(const wq_client *c, uint16_t packet_id);
void wq_packet_id_set(wq_client *c, uint32_t cell, uint16_t packet_id); /* one that is free */
void wq_packet_id_give(wq_client *c, wq_message *m);
uint32_t wq_packet_id_find(const wq_client *c, uint16_t packet_id); /* 0: not in use */
void wq_forget(wq_client *c, wq_list *list, uint32_t cell);         /* with its packet id, and nobody is told */
void wq_settle_later(wq_client *c, wq_list *list, uint32_t cell, int32_t result);
void wq_settle_now(wq_client *c, wq_list *list, uint32_t cell, int32_t result, uint8_t reason, uint32_t props_off,
                   uint16_t flags);
void wq_settle_drain(wq_client *c);

/* publish.c */
void wq_publish_pump(wq_client *c, uint64_t now_ms);
uint64_t wq_publish_deadline(const wq_client *c); /* when something can be sent; 0: now, UINT64_MAX: not by itself */
void wq_publish_resume(wq_client *c, bool session_present);

/* 0 and the packet's size in 5.0, or what is wrong with the arguments at any time. */
int wq_publish_check(const wq_client *c, const wq_publish_args *args, uint64_t *size);
/* Copy the message into cells, at the end of its lane; 0 with *error set if it cannot be. */
uint32_t wq_enqueue(wq_client *c, const wq_publish_args *args, uint64_t now_ms, int *error);

/* record.c */
size_t wq_records_size(uint32_t records_max, uint32_t owed_n);
/* Room for the records that one more packet, in or out, may call for? Those of wq_ack() have theirs in any case. */
static inline bool wq_records_room(const wq_client *c) {
  return !c->config.records_max || c->records_n < c->config.records_max;
}
void wq_record_add(wq_client *c, uint8_t type, uint16_t packet_id, uint32_t token);

/* expiry.c */
/* `m` waits from now on; its properties were checked. */
void wq_expiry_start(wq_client *c, wq_message *m, wq_bytes properties, uint64_t now_ms);
/* `m`, which was in flight, waits again. */
void wq_expiry_resume(wq_client *c, const wq_message *m);
/* The interval in `properties`, about to be sent, becomes what is left of it. */
void wq_expiry_count_down(const wq_message *m, uint8_t *properties, uint64_t now_ms);
static inline bool wq_expired(const wq_message *m, uint64_t now_ms) {
  return m->progress == WQ_WAITING && m->expires <= now_ms;
}
/* Settle what waited too long, if it is time to look. */
void wq_expire(wq_client *c, uint64_t now_ms);
uint64_t wq_expiry_deadline(const wq_client *c);

/* inbound.c */
uint32_t wq_owe(wq_client *c, uint16_t packet_id, uint8_t qos, bool ready, bool repeat); /* a handle */
uint16_t wq_owed_packet_id(const wq_client *c, uint32_t handle);
static inline uint32_t wq_owed_count(const wq_client *c) { return (c->owed_next - c->owed_first) / 2; }
/* In 5.0 a PUBLISH over receive_max is the server's fault, so it must get in to be seen. */
static inline bool wq_owed_full(const wq_client *c) {
  return wq_owed_count(c) >= (c->negotiated.version == WQ_MQTT_5_0 ? c->owed_n : c->config.receive_max);
}
bool wq_owed_can_leave(const wq_client *c);
void wq_owed_flush(wq_client *c);
void wq_owed_forget(wq_client *c);     /* the connection ended */
void wq_received_forget(wq_client *c); /* the session ended */
static inline bool wq_bit(const uint8_t *bits, uint16_t i) { return bits[i / 8] >> (i % 8) & 1; }
static inline void wq_bit_set(uint8_t *bits, uint16_t i) { bits[i / 8] = (uint8_t)(bits[i / 8] | 1u << (i % 8)); }
static inline void wq_bit_clear(uint8_t *bits, uint16_t i) { bits[i / 8] = (uint8_t)(bits[i / 8] & ~(1u << (i % 8))); }

/* receive.c */
/* Where a packet's bytes stand. */
typedef struct wq_origin {
  const uint8_t *base; /* views minus this are the offsets of its events */
  uint16_t flags;      /* WQ_EVF_CARRY or 0 */
  size_t fed_end;      /* where in the fed data a body ends that ends early */
} wq_origin;
/* A whole packet, but PUBLISH. 0, WQ_E_MEMORY, or an error that ends the connection. */
int wq_receive(wq_client *c, const wq_frame *frame, wq_bytes body, wq_origin origin, uint64_t now_ms);
/* PUBACK, PUBREC or PUBCOMP, decoded. Errors as wq_receive(). */
int wq_receive_ack(wq_client *c, uint8_t type, const wq_ack_packet *p, wq_origin origin);
/* A PUBLISH. `body` may end early: then n > 0, that many bytes of body are needed to go on; or 0: the payload is streamed,
 * c->skip is the length of all of it, and its beginning is in the fed data. Errors as wq_receive(). */
int wq_receive_publish(wq_client *c, const wq_frame *frame, wq_bytes body, const wq_origin *origin);

/* connect.c */
int wq_receive_connack(wq_client *c, wq_bytes body, wq_origin origin);
/* Is the Authentication Method of CONNECT among `properties`, which were checked? [M5:4.12.0-5] */
bool wq_auth_method_is(const wq_client *c, wq_bytes properties);
/* The peer broke the protocol: say so where the version can, and be done with it. Returns `error`. */
int wq_fail(wq_client *c, int error);

#endif
