/* SPDX-License-Identifier: MIT
 *
 * json.h - as much of JSON (RFC 8259) as a service's answers need: is it JSON, what stands under a name, and what a string
 * says. A value is a view on the text as it was written, without space around it; its first byte tells what it is; data
 * NULL means that there is none. Nothing is copied and nothing is made of documents: they go to the host as they are. */
#ifndef WQ_PROVIDER_JSON_H
#define WQ_PROVIDER_JSON_H

#include "../codec/bytes.h"

#define WQ_JSON_DEPTH_MAX 32u /* objects and arrays in one another; what is deeper is refused */

/* wq_json_read - the value that the text is; none if the text is not JSON, to the letter. That strings are UTF-8 is seen
 * to where they are decoded. */
wq_bytes wq_json_read(wq_bytes text);

/* wq_json_get - a member of an object, or of a member of it: "state.desired". Of members with the same name the last
 * counts, as in JavaScript. Safe on any bytes, but only on what wq_json_read() gave the answer means something. */
wq_bytes wq_json_get(wq_bytes value, const char *path);

/* wq_json_is - the value is a string of just that ASCII text. */
bool wq_json_is(wq_bytes value, const char *text);

/* wq_json_number - a whole number from 0 to 2^53 - 1, written without fraction or exponent. */
bool wq_json_number(wq_bytes value, uint64_t *number);

/* wq_json_text - decode a string into dst. Returns its length; -1 if it is none, does not fit, or is not UTF-8 as MQTT has
 * it (so without U+0000 and lone surrogates). */
int32_t wq_json_text(wq_bytes value, uint8_t *dst, uint32_t room);

/* wq_json_write - the text, which is UTF-8, as a string with its quotes. */
void wq_json_write(wq_writer *w, wq_bytes text);

#endif
