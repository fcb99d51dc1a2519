/* SPDX-License-Identifier: MIT
 * The reason codes of MQTT 5.0 and the return codes of 3.x, as one table: which packet may carry which, and its
 * name. */
#ifndef WQ_CODEC_REASONS_H
#define WQ_CODEC_REASONS_H

#include "../wasmqtt.h"

/* wq_reason_listed - the specification's name for a code in that packet, or NULL if the packet may not carry it.
 * Static. [M5:2.4] [M3:3.2.2.3] [M3:3.9.3] */
const char *wq_reason_listed(uint8_t packet_type, uint8_t version, uint8_t reason);
#endif
