/* SPDX-License-Identifier: MIT
 * Text as MQTT wants it. */
#ifndef WQ_CODEC_UTF8_H
#define WQ_CODEC_UTF8_H

#include "../wasmqtt.h"

/* wq_utf8_valid - well-formed UTF-8 without surrogates and without U+0000, at most 65535 bytes. [M3:1.5.3-1]
 * [M3:1.5.3-2] [M5:1.5.4-1] [M5:1.5.4-2]. A byte order mark is text like any other [M3:1.5.3-3] [M5:1.5.4-3]. */
bool wq_utf8_valid(wq_bytes text);
#endif
