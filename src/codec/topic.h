/* SPDX-License-Identifier: MIT
 * Topic names and topic filters [M3:4.7] [M5:4.7]. */
#ifndef WQ_CODEC_TOPIC_H
#define WQ_CODEC_TOPIC_H

#include "../wasmqtt.h"

bool wq_topic_name_valid(wq_bytes topic);    /* not empty, valid UTF-8, no + # U+0000 */
bool wq_topic_filter_valid(wq_bytes filter); /* + and # only as whole levels, # only last; $share/name/filter well formed */
bool wq_topic_filter_has_wildcard(wq_bytes filter);
bool wq_topic_filter_is_shared(wq_bytes filter); /* starts with $share/ [M5:4.8.2-1] */
/* wq_topic_matches - both valid. A wildcard in the first level does not match a topic that starts with $
 * [M3:4.7.2-1] [M5:4.7.2-1]. A shared filter is matched by what follows its share name. */
bool wq_topic_matches(wq_bytes filter, wq_bytes topic);
#endif
