/* SPDX-License-Identifier: MIT
 * A model of two peers: the client machine with a host that is lazy, and a server that does anything the specification
 * lets it do. Chance plays both; what each message's fate must be is kept in books beside them, and compared.
 *
 *   choice.c  chance: a seeded generator, or a fuzzer's bytes
 *   server.c  the server: its session, its answers late and out of order, its own messages, connections that are cut
 *   host.c    the host: publishes, acknowledges, drains and feeds in pieces, gives memory late
 *   wire.c    what is on its way between them, and what may leave the client at all
 *   model.c   one run
 *
 * A message is known by its number, which its payload begins with; topic, QoS and content follow from the books. */
#ifndef WQ_MODEL_MODEL_H
#define WQ_MODEL_MODEL_H

#include "codec/packet.h"
#include "codec/prop.h"
#include "wasmqtt.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 256u /* of one direction, in a run */
#define PACKETS_MAX 4096u /* of one direction, on one connection */
#define ALIASES_MAX 5u
#define PAYLOAD_MAX 3000u
#define WIRE_MAX (1u << 17)
#define TOPICS 20u
#define NONE UINT32_MAX

enum fate { OPEN, SETTLED, REMOVED };

/* Published by the client. */
typedef struct upward {
  uint8_t topic, qos;
  bool retain, resend;
  uint32_t size;   /* of the payload */
  int64_t expiry;  /* seconds, or -1 */
  uint32_t token;  /* 0: it went into the output at once */
  uint64_t at;     /* when it was accepted */
  uint32_t during; /* the connection that was up then; 0: none */
  enum fate fate;
  int32_t result;
  uint16_t id;
  bool flying;       /* its PUBLISH left in this session, and is not answered for good */
  bool released;     /* the client read its PUBREC in this session */
  bool was_released; /* in any session */
  uint32_t sent_on;  /* connection that its PUBLISH left on last */
  uint32_t session;  /* session that it left in first */
  uint32_t taken;    /* how often the server took it */
  uint32_t taken_in; /* session in which it did so last */
  uint32_t answers;  /* PUBACK, PUBCOMP or refusals that the client read */
  uint8_t answer;    /* reason of the last one */
} upward;

enum stage { QUEUED, SENT, RELEASED, DONE };

/* Sent by the server. */
typedef struct downward {
  uint8_t topic, qos;
  bool retain;
  uint32_t size;
  bool oversize;    /* 3.x: larger than the client takes */
  enum stage stage; /* what the server knows */
  uint16_t id;
  uint32_t session;
  uint32_t sent_on;      /* connection that it, or its PUBREL, left on last */
  uint32_t published_on; /* connection that it left on last */
  bool lost;             /* with its session */
  uint32_t delivered_on; /* connection on which the host had it last */
  uint32_t delivered;    /* how often */
  bool acknowledged;     /* by the host, in this session, without an error */
  bool received;         /* its PUBREC left: it must not come to the host again */
} downward;

/* One packet on its way. */
typedef struct packet {
  uint8_t type;
  uint8_t reason;
  uint16_t id;
  uint32_t number; /* of the message; or the count of filters */
  uint32_t end;    /* where it ends on the wire */
  bool flag;       /* PUBLISH: DUP; CONNECT: clean; CONNACK: session present */
} packet;

typedef struct packets {
  packet all[PACKETS_MAX];
  uint32_t first, n; /* [first..n) are on their way */
} packets;

/* Packet ids in the order in which they must come again. */
typedef struct ids {
  uint16_t all[PACKETS_MAX];
  uint32_t first, n;
} ids;

typedef struct model {
  /* choice.c */
  uint64_t random;
  const uint8_t *bytes, *bytes_end; /* NULL: random */

  jmp_buf failed;
  char failure[256];
  bool trace;

  /* the client and its host */
  wq_client *client;
  wq_config config;
  uint8_t version;
  bool always_clean; /* 3.1, which does not say whether a session was there */
  void *memory;
  void **blocks;
  uint32_t blocks_n;
  uint64_t now;
  bool calm; /* no more trouble: all that is under way must come to its end */
  upward up[MESSAGES_MAX];
  uint32_t up_n;
  uint32_t handles[PACKETS_MAX]; /* to be acknowledged; the message's number beside it */
  uint32_t handle_of[PACKETS_MAX];
  uint32_t handles_n;
  uint32_t requests[64]; /* tokens of SUBSCRIBE and UNSUBSCRIBE under way */
  uint16_t request_ids[64];
  uint8_t request_filters[64];
  uint32_t requests_n;
  uint8_t names[65536]; /* what topic ids mean: 1 + topic */
  uint8_t stream[PAYLOAD_MAX];
  uint32_t stream_n; /* bytes there */
  wq_event stream_event;

  /* what left the client on this connection, see wire.c */
  uint32_t connection; /* its number, from 1; 0: none was */
  bool open, greeted, said_goodbye;
  bool resumed;
  uint32_t session;              /* number; a new one begins when the client reads that it was lost */
  uint16_t holder[65536];        /* what a packet id is in use for: 1 + number, or REQUEST */
  uint32_t last_sent[2];         /* 1 + number of the last PUBLISH, by QoS 0 or more */
  ids releases, owed, completes; /* PUBRELs, acknowledgements and PUBCOMPs that the client owes, in order */
  uint32_t pings;                /* PINGREQ without PINGRESP, or more */
  uint64_t paced_us;             /* as wq_client.paced_us, had each message left as early as it can have */
  uint64_t empty_at;             /* what is in the output was put there then, or later */
  uint8_t out[WIRE_MAX];
  uint32_t out_n, out_read;
  uint8_t client_aliases[ALIASES_MAX + 1]; /* 1 + topic */

  /* the server */
  packets upwards, downwards;
  uint8_t in[WIRE_MAX]; /* to the client */
  uint32_t in_n, in_fed;
  packet answers[PACKETS_MAX];
  uint32_t answers_n;
  bool has_session, session_told; /* told: the client knows that this session is new */
  uint32_t server_session;
  bool server_received[65536];   /* QoS 2 ids without PUBREL */
  uint16_t server_number[65536]; /* 1 + number of the last QoS 2 message with that id, in this session */
  downward down[MESSAGES_MAX];
  uint32_t down_n;
  uint32_t last_delivered; /* 1 + number, on this connection */
  uint32_t receive_maximum, packet_size, maximum_qos, alias_max;
  bool retain_available, server_said_goodbye, refused;
  bool clean; /* as CONNECT said */
  uint8_t server_aliases[ALIASES_MAX + 1];
} model;

#define REQUEST 0xFFFFu

/* choice.c */
uint32_t choose(model *m, uint32_t n); /* 0..n-1 */
static inline bool chance(model *m, uint32_t of) { return choose(m, of) == 0; }
bool choices_left(const model *m);

/* The run fails: never returns. */
_Noreturn void model_fail(model *m, const char *what, const char *file, int line);
#define FAIL(what) model_fail(m, what, __FILE__, __LINE__)
#define MUST(condition)                                                                                                \
  do {                                                                                                                 \
    if (!(condition)) FAIL(#condition);                                                                                \
  } while (0)

/* wire.c */
wq_bytes model_topic(uint8_t topic);
uint8_t model_payload_byte(uint32_t number, uint32_t at);
/* The number that a payload begins with; checks the rest of it. */
uint32_t model_payload_read(model *m, wq_bytes payload);
void wire_sent(model *m, const uint8_t *bytes, uint32_t n); /* the client's output, whole packets or not */
void wire_connection(model *m);                             /* a new one begins */
void wire_session_lost(model *m);
void wire_read(model *m, uint32_t n); /* the client has read n more bytes, and its host the events */
void ids_push(model *m, ids *list, uint16_t id);

/* server.c */
void server_put(model *m, const wq_packet *p, packet note); /* on its way to the client */
void server_step(model *m);
void server_connection(model *m);
void server_cut(model *m);
bool server_done(const model *m);

/* host.c */
void host_connect(model *m);
void host_lost(model *m);
void host_step(model *m);
void host_drain(model *m, bool all);
void host_feed(model *m, uint32_t most);
void host_acknowledge(model *m, uint32_t which);
void host_time(model *m);
bool host_done(const model *m);

/* model.c: one run; NULL if all held, else what did not (until the next call). */
const char *model_run(uint64_t seed, const uint8_t *bytes, size_t length, bool trace);
#endif
