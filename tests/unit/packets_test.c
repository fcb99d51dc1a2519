/* SPDX-License-Identifier: MIT
 * Runs the packet vectors of tests/vectors/packets.txt (its head explains the form). Each good one must decode to its
 * description and encode back to its bytes, into any room or none; each bad one must fail as it says. And whatever a
 * vector holds: no truncation is accepted, and every change of one byte is refused or decodes to something that
 * encodes and decodes to itself. All input ends at a guard page. */
#include "check.h"
#include "guard.h"

#include "describe.h"

#include "codec/frame.h"
#include "codec/packet.h"

#define BYTES_MAX 1024
#define LISTED_MAX 8

typedef struct vector {
  char title[256];
  char versions[64]; /* "3.1 3.1.1" */
  char want[2048];   /* description, or the name of an error, or "more" */
  bool good;
  uint8_t bytes[BYTES_MAX], shortest[BYTES_MAX]; /* shortest: what it encodes to, if not `bytes` */
  size_t length, shortest_length;
} vector;

static guard input, output;
static describe_text first, second;
static uint8_t good_seen[6][16]; /* by version and packet type */
static uint64_t properties_seen;

/* ------------------------------------------------------------------------------------------------ reading the file */

static void stop(int line, const char *why) {
  fprintf(stderr, "packets.txt:%d: %s\n", line, why);
  exit(2);
}

static int hex_digit(char c) {
  const char *digits = "0123456789ABCDEF", *at = c != 0 ? strchr(digits, c) : NULL;
  return at != NULL ? (int)(at - digits) : -1;
}

/* hex pairs and quoted text, up to a comment */
static size_t read_bytes(uint8_t *bytes, size_t length, const char *s, int line) {
  while (*s != 0 && *s != '#') {
    if (length == BYTES_MAX) stop(line, "too many bytes");
    if (*s == ' ') {
      s++;
    } else if (*s == '"') {
      for (s++; *s != '"'; s++) {
        if (*s == '\\') s++;
        if (*s == 0 || length == BYTES_MAX) stop(line, "text without an end");
        bytes[length++] = (uint8_t)*s;
      }
      s++;
    } else {
      int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);
      if (low < 0) stop(line, "neither hex pairs (0-9 A-F) nor text in quotes");
      bytes[length++] = (uint8_t)(high << 4 | low);
      s += 2;
    }
  }
  return length;
}

static void copy_text(char *to, size_t room, const char *from, int line) {
  if (strlen(from) >= room) stop(line, "too long");
  memcpy(to, from, strlen(from) + 1);
}

static void read_line(vector *v, const char *s, int line) {
  const char *rest = s[1] == ' ' ? s + 2 : s + 1;
  switch (s[0]) {
  case 'v': copy_text(v->versions, sizeof v->versions, rest, line); break;
  case '<': v->length = read_bytes(v->bytes, v->length, rest, line); break;
  case '>': v->shortest_length = read_bytes(v->shortest, v->shortest_length, rest, line); break;
  case '=':
  case '!':
    v->good = s[0] == '=';
    copy_text(v->want, sizeof v->want, rest, line);
    break;
  default: stop(line, "a line must begin with * v < > = ! or #");
  }
}

/* ------------------------------------------------------------------------------------------------ the checks */

static int64_t decode(wq_packet *p, uint8_t version, const uint8_t *bytes, size_t length) {
  return wq_packet_decode(p, version, (wq_bytes){guard_put(input, bytes, length), (uint32_t)length});
}

/* A packet that decoded: it encodes to no more bytes than it came in, and those decode to the same and encode to
 * themselves. */
static void check_stable(uint8_t version, const wq_packet *p, size_t length) {
  static uint8_t once[BYTES_MAX];
  describe_packet(&first, version, p);
  uint32_t size = wq_packet_encode(once, sizeof once, version, p);
  if (!CHECK(size > 0 && size <= length)) return;
  wq_packet again;
  if (!CHECK_INT(decode(&again, version, once, size), size)) return;
  describe_packet(&second, version, &again);
  CHECK_TEXT(second.text, first.text);
  uint8_t *twice = guard_room(output, size);
  CHECK_INT(wq_packet_encode(twice, size, version, &again), size);
  CHECK(memcmp(once, twice, size) == 0);
}

static void check_encode(uint8_t version, const wq_packet *p, const uint8_t *want, size_t length) {
  uint8_t *dst = guard_room(output, length);
  CHECK_INT(wq_packet_encode(dst, (uint32_t)length, version, p), length);
  CHECK_BYTES(dst, length, want, length);
  for (uint32_t room = 0; room < length; room++) /* too little: 0, and nothing is written past it */
    CHECK_INT(wq_packet_encode(guard_room(output, room), room, version, p), 0);
}

/* PUBLISH cut anywhere: what is asked for leads to the header, and the payload is what is there */
static void check_pieces(uint8_t version, const wq_publish_packet *whole, const uint8_t *bytes, size_t length) {
  wq_frame frame = {0};
  CHECK_INT(wq_frame_read((wq_bytes){bytes, (uint32_t)length}, version, &frame), 1);
  const uint8_t *body = bytes + frame.header;
  uint32_t header = frame.remaining - whole->payload.len;
  for (uint32_t there = 0; there <= frame.remaining; there++) {
    wq_publish_packet p;
    wq_bytes part = {guard_put(input, body, there), there};
    int result = wq_publish_decode(&p, version, frame.flags, part, frame.remaining);
    if (there < header) {
      CHECK(result > (int)there && result <= (int)header);
    } else if (CHECK_INT(result, 0)) {
      CHECK_INT(p.payload.len, there - header);
      CHECK(p.payload.data == part.data + header);
      CHECK_INT(p.packet_id, whole->packet_id);
    }
  }
  uint8_t *head = guard_room(output, length - whole->payload.len);
  CHECK_INT(wq_publish_size(version, whole), length);
  CHECK_INT(wq_publish_head_encode(head, (uint32_t)length - whole->payload.len, version, whole),
            length - whole->payload.len);
  CHECK(memcmp(head, bytes, length - whole->payload.len) == 0);
}

/* SUBSCRIBE and UNSUBSCRIBE from a list, as a client makes them */
static void check_lists(uint8_t version, const wq_packet *p, const uint8_t *bytes, size_t length) {
  const wq_subscribe_packet *s = &p->u.subscribe;
  wq_subscription subscriptions[LISTED_MAX];
  wq_bytes filters[LISTED_MAX], list = s->filters;
  size_t count = 0;
  while (count < LISTED_MAX && (p->type == WQ_SUBSCRIBE ? wq_subscribe_next(&list, &subscriptions[count])
                                                        : wq_unsubscribe_next(&list, &filters[count])) > 0)
    count++;
  CHECK_INT(list.len, 0);
  for (uint32_t room = (uint32_t)length;; room = 0) {
    uint8_t *dst = guard_room(output, room);
    uint32_t size;
    if (p->type == WQ_SUBSCRIBE) {
      size = wq_subscribe_encode(dst, room, version, s->packet_id, s->properties, subscriptions, count);
      CHECK_INT(wq_subscribe_size(version, s->properties, subscriptions, count), length);
    } else {
      size = wq_unsubscribe_encode(dst, room, version, s->packet_id, s->properties, filters, count);
      CHECK_INT(wq_unsubscribe_size(version, s->properties, filters, count), length);
    }
    CHECK_INT(size, room);
    CHECK(memcmp(dst, bytes, room) == 0);
    if (room == 0) break;
  }
}

static void note_properties(wq_bytes properties) {
  wq_property p;
  while (wq_property_read(&properties, &p) > 0)
    properties_seen |= UINT64_C(1) << p.id;
}

static void check_good(const vector *v, uint8_t version) {
  wq_packet p;
  if (!CHECK_INT(decode(&p, version, v->bytes, v->length), v->length)) return;
  describe_packet(&first, version, &p);
  CHECK_TEXT(first.text, v->want);
  if (v->shortest_length != 0)
    check_encode(version, &p, v->shortest, v->shortest_length);
  else
    check_encode(version, &p, v->bytes, v->length);
  good_seen[version][p.type] = 1;
  if (p.type == WQ_PUBLISH) {
    note_properties(p.u.publish.properties);
    check_pieces(version, &p.u.publish, v->bytes, v->length);
  } else if (p.type == WQ_SUBSCRIBE || p.type == WQ_UNSUBSCRIBE) {
    if (v->shortest_length == 0) check_lists(version, &p, v->bytes, v->length);
  } else if (p.type == WQ_CONNECT) {
    note_properties(p.u.connect.properties);
    note_properties(p.u.connect.will_properties);
  } else if (p.type == WQ_CONNACK) {
    note_properties(p.u.connack.properties);
  }
}

static void check_bad(const vector *v, uint8_t version) {
  wq_packet p;
  int64_t result = decode(&p, version, v->bytes, v->length);
  if (result <= 0)
    CHECK_TEXT(result == 0 ? "more" : wq_error_name((int)result), v->want);
  else
    CHECK_INT(result, -1);
}

static void check_changes(const vector *v, uint8_t version) {
  static uint8_t changed[BYTES_MAX];
  wq_packet p;
  for (size_t length = 0; length < v->length; length++)
    CHECK(decode(&p, version, v->bytes, length) <= 0);
  memcpy(changed, v->bytes, v->length);
  for (size_t at = 0; at < v->length; at++) {
    for (unsigned value = 0; value < 256; value++) {
      changed[at] = (uint8_t)value;
      int64_t result = decode(&p, version, changed, v->length);
      if (result > 0 && CHECK(result <= (int64_t)v->length))
        check_stable(version, &p, (size_t)result);
      else
        CHECK(result == 0 || (result <= WQ_E_MALFORMED && result >= WQ_E_PACKET_SIZE));
    }
    changed[at] = v->bytes[at];
  }
}

static uint8_t version_of(const char *name, int line) {
  static const struct {
    const char *name;
    uint8_t version;
  } known[] = {{"unknown", 0}, {"3.1", WQ_MQTT_3_1}, {"3.1.1", WQ_MQTT_3_1_1}, {"5.0", WQ_MQTT_5_0}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(name, known[i].name) == 0) return known[i].version;
  stop(line, "a version is 3.1, 3.1.1, 5.0 or unknown");
  return 0;
}

static void run(vector *v, int line) {
  if (v->length == 0 || v->want[0] == 0 || v->versions[0] == 0)
    stop(line, "the vector before this line lacks its bytes, version or result");
  for (char *name = strtok(v->versions, " "); name != NULL; name = strtok(NULL, " ")) {
    uint8_t version = version_of(name, line);
    char title[300];
    snprintf(title, sizeof title, "%s (%s)", v->title, name);
    check_begin(title);
    if (v->good)
      check_good(v, version);
    else
      check_bad(v, version);
    check_changes(v, version);
    check_end();
  }
}

/* what four bytes show is not asked for again: there is no fifth */
static void check_long_length(void) {
  static const uint8_t body[] = {0, 1, 'a', 0x80, 0x80, 0x80, 0x80};
  for (uint32_t there = 3; there <= sizeof body; there++) {
    wq_publish_packet p;
    wq_bytes part = {guard_put(input, body, there), there};
    int want = there < sizeof body ? (int)there + 1 : WQ_E_MALFORMED;
    CHECK_INT(wq_publish_decode(&p, WQ_MQTT_5_0, 0, part, 100), want);
  }
}

/* the vectors leave no packet, version or property out */
static void check_complete(void) {
  for (uint8_t version = WQ_MQTT_3_1; version <= WQ_MQTT_5_0; version++)
    for (uint8_t type = WQ_CONNECT; type <= WQ_AUTH; type++)
      CHECK_INT(good_seen[version][type], type != WQ_AUTH || version == WQ_MQTT_5_0);
  for (uint8_t id = 0; id < 64; id++)
    CHECK_INT(properties_seen >> id & 1, wq_property_info(id) != NULL);
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[1] : "tests/vectors/packets.txt";
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return 2;
  }
  input = guard_make(BYTES_MAX);
  output = guard_make(BYTES_MAX);
  static vector v;
  static char text[4096];
  int line = 0;
  while (fgets(text, sizeof text, file) != NULL) {
    line++;
    text[strcspn(text, "\n")] = 0;
    if (text[0] == 0 || text[0] == '#') continue;
    if (text[0] != '*') {
      read_line(&v, text, line);
      continue;
    }
    if (v.title[0] != 0) run(&v, line);
    v = (vector){0};
    copy_text(v.title, sizeof v.title, text[1] == ' ' ? text + 2 : text + 1, line);
  }
  fclose(file);
  run(&v, line);
  check_case("PUBLISH: a property length of five bytes is refused at the fourth [M5:1.5.5]", check_long_length);
  check_case("every packet of every version and every property has a good vector", check_complete);
  return check_close();
}
