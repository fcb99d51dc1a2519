/* SPDX-License-Identifier: MIT
 * The properties of MQTT 5.0 as one table, and their check for a packet. Reading and writing them one by one is public:
 * wq_property_info(), wq_property_read(), wq_property_write(). */
#ifndef WQ_CODEC_PROP_H
#define WQ_CODEC_PROP_H

#include "../wasmqtt.h"

/* wq_properties_check - every property well formed, allowed in `packets` (one bit of wq_property_info_t.packets), not
 * repeated where it must not be, with a value in range.
 * Returns 0; WQ_E_MALFORMED (also for an id that this packet may not carry [M5:2.2.2.2]); WQ_E_PROTOCOL (repeated,
 * value out of range, Authentication Data without Method); or WQ_E_TOPIC_ALIAS (alias 0 [M5:3.3.2-8]). */
int wq_properties_check(wq_bytes properties, uint32_t packets);

/* wq_properties_find - the first property with that id; false if there is none. `properties` must have been checked. */
bool wq_properties_find(wq_bytes properties, uint8_t id, wq_property *property);
#endif
