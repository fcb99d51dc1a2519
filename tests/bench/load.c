/* SPDX-License-Identifier: MIT
 * The load server of the end-to-end benchmarks: MQTT over WebSockets on the loopback address, a process for each connection.
 * Its frames are ready, and whatever came is answered by one message, so that it is not what is measured. `load` prints the
 * port that it listens at. What it sends is in the path of the request: /VERSION/SIZE/PER_FRAME/TOPICS, payloads in bytes;
 * or /VERSION/RATE/PER_FRAME/DEVICES/fleet for the telemetry of devices, so many messages a second from the first SUBSCRIBE
 * on, of which it prints each second how many are sent and how many are due.
 *
 * A PUBLISH to `go`, its payload a number, is answered by so many messages; one to `echo/...` is sent back; every other is
 * acknowledged. A bare WebSocket need not say CONNECT. */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fcntl.h>
#include <netinet/tcp.h>

#include "codec/frame.h"
#include "native/error.h"
#include "native/http.h"
#include "native/websocket.h"

enum { REQUEST_MAX = 8192, RING = 4 << 20, INPUT_MAX = 64 << 20, READS = 64, TEXT_MAX = 96, TICK_MS = 10 };

typedef struct bytes {
  uint8_t *data;
  size_t length, room;
} bytes;

typedef struct peer {
  wqn_transport transport;
  wqn_ws ws;
  unsigned version, size, per_frame, topics;
  unsigned rate; /* messages a second; 0: as `go` says */
  bytes in;      /* beginning with a packet that has not come as a whole */
  bytes out;     /* answers, sent together */
  bytes ring;    /* WebSocket frames, one behind the other */
  size_t *ends;  /* of these */
  unsigned frames, next;
  size_t at;      /* in the ring, of the byte that is sent next */
  uint64_t todo;  /* frames */
  uint64_t since; /* when the fleet's telemetry began; 0: it did not */
  uint64_t sent, told;
} peer;

static const wqn_url page = {.authority = "the page"};

static void fail(const char *why) {
  perror(why);
  exit(1);
}

static uint8_t *grow(bytes *b, size_t more) {
  if (b->length + more > b->room) {
    b->room = (b->length + more) * 2;
    b->data = realloc(b->data, b->room);
    if (!b->data) fail("load: memory");
  }
  uint8_t *at = b->data + b->length;
  b->length += more;
  return at;
}

/* ------------------------------------------------------------------------------------------------ what it sends */

/* One PUBLISH with QoS 0, the n-th. */
static void put_publish(const peer *p, bytes *b, unsigned n) {
  char topic[TEXT_MAX], payload[TEXT_MAX];
  size_t topic_length, size = p->size;
  if (p->rate) {
    topic_length = (size_t)sprintf(topic, "devices/d-%u/telemetry", n % p->topics);
    size = (size_t)sprintf(payload, "{\"temperature\":%u.%u,\"humidity\":%u}", n % 40, n % 10, 30 + n / 7 % 50);
  } else {
    topic_length = (size_t)sprintf(topic, "site/%u/sensor/temperature", n * 7 % p->topics);
  }
  uint32_t remaining = (uint32_t)(2 + topic_length + (p->version == 5) + size);
  uint8_t head[5];
  uint32_t head_length = wq_frame_head_write(head, WQ_PUBLISH, 0, remaining);
  memcpy(grow(b, head_length), head, head_length);
  uint8_t *at = grow(b, remaining);
  at[0] = 0;
  at[1] = (uint8_t)topic_length;
  memcpy(at + 2, topic, topic_length);
  at += 2 + topic_length;
  if (p->version == 5) *at++ = 0; /* no properties */
  if (p->rate)
    memcpy(at, payload, size);
  else
    memset(at, (int)(n & 127), size);
}

/* A frame's head in the server's direction: unmasked [RFC 6455, section 5.2]. */
static void put_frame(bytes *b, const bytes *message) {
  size_t n = message->length;
  uint8_t head[10] = {0x82, (uint8_t)n};
  size_t length = 2;
  if (n > 65535) {
    head[1] = 127;
    for (int i = 0; i < 8; i++)
      head[2 + i] = (uint8_t)(n >> (56 - 8 * i));
    length = 10;
  } else if (n > 125) {
    head[1] = 126;
    head[2] = (uint8_t)(n >> 8);
    head[3] = (uint8_t)n;
    length = 4;
  }
  memcpy(grow(b, length), head, length);
  memcpy(grow(b, n), message->data, n);
}

static void fill_ring(peer *p) {
  bytes message = {0};
  p->frames = p->topics / p->per_frame + 1;
  if (p->frames * (size_t)p->per_frame * (p->size + 40) < RING)
    p->frames = (unsigned)(RING / (p->per_frame * (p->size + 40))); /* so many that one write takes long */
  p->ends = calloc(p->frames, sizeof *p->ends);
  if (!p->ends) fail("load: memory");
  for (unsigned f = 0, n = 0; f < p->frames; f++) {
    message.length = 0;
    for (unsigned i = 0; i < p->per_frame; i++, n++)
      put_publish(p, &message, n);
    put_frame(&p->ring, &message);
    p->ends[f] = p->ring.length;
  }
  free(message.data);
}

/* Send ready frames, as far as the socket takes them. */
static void stream(peer *p) {
  while (p->todo > 0) {
    unsigned last = p->next;
    while (last + 1 < p->frames && last + 1 - p->next < p->todo)
      last++;
    ssize_t n = wqn_transport_write(&p->transport, p->ring.data + p->at, p->ends[last] - p->at);
    if (n < 0) return;
    p->at += (size_t)n;
    for (; p->next < p->frames && p->ends[p->next] <= p->at; p->next++) {
      p->todo--;
      p->sent += p->per_frame;
    }
    if (p->next == p->frames) p->at = p->next = 0;
  }
}

static bool between_frames(const peer *p) { return p->at == (p->next ? p->ends[p->next - 1] : 0); }

/* What the fleet has due by now. */
static void keep_rate(peer *p) {
  if (!p->since) return;
  uint64_t due = (wqn_now() - p->since) * p->rate / 1000;
  uint64_t frames = due / p->per_frame, have = p->sent / p->per_frame + p->todo;
  if (frames > have) p->todo += frames - have;
  if (wqn_now() - p->told < 1000) return;
  p->told = wqn_now();
  printf("sent %llu due %llu\n", (unsigned long long)p->sent, (unsigned long long)due);
}

/* ------------------------------------------------------------------------------------------------ what it answers */

static void answer(peer *p, uint8_t first, const uint8_t *id) {
  const uint8_t packet[4] = {first, 2, id[0], id[1]};
  memcpy(grow(&p->out, 4), packet, 4);
}

/* SUBACK or UNSUBACK for every filter. */
static void answer_filters(peer *p, uint8_t first, const uint8_t *body, uint32_t length) {
  uint8_t codes[1024] = {body[0], body[1]};
  uint32_t i = 2, n = 2;
  bool subscribe = first == WQ_SUBACK << 4;
  if (p->version == 5) {
    i += 1u + body[2]; /* clients under test send few properties */
    codes[n++] = 0;
  }
  for (; i + 2 <= length && n < sizeof codes; i += 2u + (uint32_t)(body[i] << 8 | body[i + 1]) + subscribe)
    if (subscribe || p->version == 5) codes[n++] = subscribe ? 2 : 0;
  uint8_t head[5];
  uint32_t head_length = wq_frame_head_write(head, first >> 4, 0, n);
  memcpy(grow(&p->out, head_length), head, head_length);
  memcpy(grow(&p->out, n), codes, n);
}

static void take_publish(peer *p, const wq_frame *f, const uint8_t *packet) {
  const uint8_t *body = packet + f->header;
  uint32_t topic_length = (uint32_t)(body[0] << 8 | body[1]), at = 2 + topic_length;
  uint8_t qos = f->flags >> 1 & 3;
  if (at + 2 > f->remaining + (qos == 0 ? 2u : 0u)) return;
  if (qos > 0) {
    answer(p, (uint8_t)((qos == 1 ? WQ_PUBACK : WQ_PUBREC) << 4), body + at);
    at += 2;
  }
  if (topic_length >= 5 && memcmp(body + 2, "echo/", 5) == 0) {
    memcpy(grow(&p->out, f->header + f->remaining), packet, f->header + f->remaining);
  } else if (topic_length == 2 && memcmp(body + 2, "go", 2) == 0) {
    if (p->version == 5) at += 1u + body[at];
    char number[12] = {0};
    if (at < f->remaining && f->remaining - at < sizeof number) memcpy(number, body + at, f->remaining - at);
    p->todo += strtoul(number, NULL, 10) / p->per_frame;
  }
}

static void take_packet(peer *p, const wq_frame *f, const uint8_t *packet) {
  const uint8_t *body = packet + f->header;
  static const uint8_t connack[] = {0x20, 3, 0, 0, 0}, pingresp[] = {0xD0, 0};
  switch (f->type) {
  case WQ_CONNECT:
    memcpy(grow(&p->out, p->version == 5 ? 5 : 4), connack, p->version == 5 ? 5 : 4);
    if (p->version != 5) p->out.data[p->out.length - 3] = 2;
    break;
  case WQ_PUBLISH: take_publish(p, f, packet); break;
  case WQ_PUBREL: answer(p, WQ_PUBCOMP << 4, body); break;
  case WQ_SUBSCRIBE:
    answer_filters(p, WQ_SUBACK << 4, body, f->remaining);
    if (p->rate && !p->since) p->since = p->told = wqn_now();
    break;
  case WQ_UNSUBSCRIBE: answer_filters(p, WQ_UNSUBACK << 4, body, f->remaining); break;
  case WQ_PINGREQ: memcpy(grow(&p->out, sizeof pingresp), pingresp, sizeof pingresp); break;
  default: break;
  }
}

/* The packets that have come as a whole. */
static int serve(peer *p) {
  size_t at = 0;
  wq_frame frame = {0};
  while (at < p->in.length) {
    wq_bytes rest = {p->in.data + at, (uint32_t)(p->in.length - at)};
    int got = wq_frame_read(rest, (uint8_t)p->version, &frame);
    if (got < 0 || frame.remaining > INPUT_MAX) return -1;
    if (got == 0 || frame.header + (size_t)frame.remaining > p->in.length - at) break;
    if (frame.remaining >= 2 || frame.type >= WQ_PINGREQ) take_packet(p, &frame, p->in.data + at);
    at += frame.header + frame.remaining;
  }
  if (at > 0) memmove(p->in.data, p->in.data + at, p->in.length - at);
  p->in.length -= at;
  return 0;
}

/* ------------------------------------------------------------------------------------------------ a connection */

/* HTTP, then WebSocket. Blocks: there is nothing else to do. */
static void open_websocket(peer *p) {
  static uint8_t request[REQUEST_MAX];
  size_t length = 0, head = 0;
  while (head == 0) {
    ssize_t n = length < sizeof request ? recv(p->transport.fd, request + length, sizeof request - length, 0) : 0;
    if (n <= 0) exit(0); /* it was only looked whether somebody listens */
    length += (size_t)n;
    head = wqn_http_end(request, length);
  }
  wqn_span first, key = {0}, origin = {0};
  const wqn_http_header wanted[] = {{"Sec-WebSocket-Key", &key}, {"Origin", &origin}};
  char path[TEXT_MAX] = {0}, kind[8] = {0}, accept[WQN_HTTP_ACCEPT + 1], response[256];
  if (!wqn_http_read((const char *)request, head, &first, wanted, 2) || key.length != WQN_HTTP_KEY ||
      first.length < 4 || first.length - 4 >= sizeof path || !wqn_http_accept(accept, key.at))
    exit(1);
  memcpy(path, first.at + 4, first.length - 4);
  if (sscanf(path, "/%u/%u/%u/%u/%7s", &p->version, &p->size, &p->per_frame, &p->topics, kind) < 4 || p->version < 3 ||
      p->version > 5 || !p->per_frame || !p->topics || p->size > INPUT_MAX)
    exit(1);
  if (strcmp(kind, "fleet") == 0) {
    p->rate = p->size ? p->size : 1;
    p->size = TEXT_MAX;
  }
  int n = sprintf(response,
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n",
                  accept);
  if (send(p->transport.fd, response, (size_t)n, 0) != n) exit(1);
  if (fcntl(p->transport.fd, F_SETFL, O_NONBLOCK) != 0 ||
      wqn_ws_accept(&p->ws, &p->transport, request + head, length - head) != 0)
    fail("load: WebSocket");
}

/* Read what has come. Returns 0, or -1 once the connection is over. */
static int take_in(peer *p) {
  wqn_error error;
  for (int i = 0; i < READS; i++) {
    int got = wqn_ws_read(&p->ws, &page, &error);
    if (got < 0) return -1;
    if (got == 0) break;
    memcpy(grow(&p->in, p->ws.in_length), p->ws.in, p->ws.in_length);
    p->ws.in_length = 0;
  }
  return serve(p);
}

static void run(int fd) {
  static peer p;
  wqn_transport_init(&p.transport);
  p.transport.fd = fd;
  open_websocket(&p);
  fill_ring(&p);
  bool mid_frame = false;
  for (;;) {
    if (!mid_frame && p.out.length > 0) {
      if (wqn_ws_send(&p.ws, p.out.data, p.out.length) != 0) fail("load: memory");
      p.out.length = 0;
    }
    if (!mid_frame) wqn_ws_flush(&p.ws);
    keep_rate(&p);
    if (!wqn_ws_blocked(&p.ws)) stream(&p);
    mid_frame = !between_frames(&p);
    bool writing = wqn_ws_blocked(&p.ws) || p.todo > 0;
    struct pollfd polled = {.fd = fd, .events = (short)(POLLIN | (writing ? POLLOUT : 0))};
    if (poll(&polled, 1, p.since ? TICK_MS : -1) < 0) fail("load: poll");
    if (polled.revents & (POLLIN | POLLHUP | POLLERR) && take_in(&p) != 0) exit(0);
  }
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 16) != 0 ||
      getsockname(listener, (struct sockaddr *)&address, &length) != 0)
    fail("load: listen");
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("port %u\n", ntohs(address.sin_port));
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pid_t child = fork();
    if (child == 0) {
      close(listener);
      run(fd);
    }
    close(fd);
  }
}
