/* SPDX-License-Identifier: MIT
 * Base64 (RFC 4648). */
#ifndef WQ_PROVIDER_BASE64_H
#define WQ_PROVIDER_BASE64_H

#include "../wasmqtt.h"

/* Characters that `n` bytes become, padding included. */
#define WQ_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* wq_base64_encode - write WQ_BASE64_SIZE(bytes.len) characters to dst, which does not overlap `bytes`. Returns how many. */
uint32_t wq_base64_encode(uint8_t *dst, wq_bytes bytes);

/* wq_base64url_encode - the same in the alphabet of URLs and without padding, so up to two characters fewer. */
uint32_t wq_base64url_encode(uint8_t *dst, wq_bytes bytes);

/* wq_base64_decode - read what wq_base64_encode() writes and nothing else: padding has to be there, and bits that mean
 * nothing have to be 0. dst has room for text.len / 4 * 3 bytes. Returns how many bytes `text` stands for, -1: it is not
 * base64. */
int32_t wq_base64_decode(uint8_t *dst, wq_bytes text);

#endif
