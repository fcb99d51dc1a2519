/* SPDX-License-Identifier: MIT
 * The fixed header. */
#include "frame.h"

#include "bytes.h"

#define DUP 8u
#define QOS_MASK 6u
#define QOS_3 6u

#define ONLY(flags) (1u << (flags))
#define NONE ONLY(0)
#define EITHER (ONLY(2) | ONLY(2 | DUP)) /* 3.1 has no rule against DUP */
#define ANY_DUP 0x3F3Fu                  /* all but QoS 3 [M3:3.3.1-4] [M5:3.3.1-4] */
#define NO_DUP_0 0x3C3Fu                 /* nor DUP with QoS 0 [M3:3.3.1-2] [M3:4.3.1-1] [M5:3.3.1-2] [M5:4.3.1-1] */

/* From CONNECT on, all but AUTH. `two`: PUBREL, SUBSCRIBE, UNSUBSCRIBE [M3:3.6.1-1] [M3:3.8.1-1] [M3:3.10.1-1]
 * [M5:3.6.1-1] [M5:3.8.1-1] [M5:3.10.1-1]; the others have none [M3:2.2.2-1] [M3:2.2.2-2] [M3:3.14.1-1] [M5:2.1.3-1]
 * [M5:3.14.1-1] [M5:3.15.1-1] */
#define ROW(publish, two) 0, NONE, NONE, publish, NONE, NONE, two, NONE, two, NONE, two, NONE, NONE, NONE, NONE

const uint16_t wq_frame_flags[WQ_MQTT_5_0 + 1][16] = {
    [0] = {0, NONE}, /* a CONNECT comes first [M3:3.1.0-1] [M5:3.1.0-1] */
    [WQ_MQTT_3_1] = {ROW(ANY_DUP, EITHER)},
    [WQ_MQTT_3_1_1] = {ROW(NO_DUP_0, ONLY(2))},
    [WQ_MQTT_5_0] = {ROW(NO_DUP_0, ONLY(2)), NONE},
};

bool wq_frame_malformed(uint8_t type, uint8_t flags, uint8_t version) {
  if (type == WQ_PUBLISH) return (flags & QOS_MASK) == QOS_3;
  return type == 0 || wq_frame_flags[version][type] != 0;
}

uint32_t wq_frame_head_write(uint8_t *dst, uint8_t type, uint8_t flags, uint32_t remaining) {
  wq_writer w = wq_writer_of(dst, 5);
  wq_write_u8(&w, (uint8_t)(type << 4 | flags));
  wq_write_varint(&w, remaining);
  return (uint32_t)(w.at - dst);
}
