/* SPDX-License-Identifier: MIT
 * Topic names and topic filters [M3:4.7] [M5:4.7]. */
#ifndef WQ_CODEC_TOPIC_H
#define WQ_CODEC_TOPIC_H

#include "../wasmqtt.h"

/* wq_topic_name_valid - not empty, valid UTF-8, no + # U+0000, at most 65535 bytes [M3:4.7.1-1] [M3:4.7.3-1]
 * [M3:4.7.3-2] [M5:4.7.0-1] [M5:4.7.3-1] [M5:4.7.3-2]. */
bool wq_topic_name_valid(wq_bytes topic);

/* wq_topic_name_check - 0; WQ_E_MALFORMED if it is not UTF-8, which makes the packet malformed; WQ_E_TOPIC_INVALID if
 * it is text but no topic name. For names that a peer sent. */
int wq_topic_name_check(wq_bytes topic);

/* wq_topic_filter_valid - as above, with + and # only as whole levels, # only last [M3:4.7.1-2] [M3:4.7.1-3]
 * [M5:4.7.1-1] [M5:4.7.1-2]. "$share/name/filter" must be well formed [M5:4.8.2-1] [M5:4.8.2-2]; in 3.x too, where
 * servers that know shared subscriptions read it so. */
bool wq_topic_filter_valid(wq_bytes filter);

bool wq_topic_filter_has_wildcard(wq_bytes filter);
bool wq_topic_filter_is_shared(wq_bytes filter); /* starts with $share/ [M5:4.8.2-1] */

/* wq_topic_matches - both valid. A wildcard in the first level does not match a topic that starts with $
 * [M3:4.7.2-1] [M5:4.7.2-1]. A shared filter is matched by what follows its share name. */
bool wq_topic_matches(wq_bytes filter, wq_bytes topic);
#endif
