/* SPDX-License-Identifier: MIT
 * SUBSCRIBE and UNSUBSCRIBE: sent at once or refused; the host owns the wish and asks again on a new connection. */
#include "client.h"

#include "../codec/topic.h"

static int check_properties(const wq_client *c, wq_bytes properties, uint8_t type) {
  if (!properties.len) return 0;
  wq_property identifier;
  if (c->negotiated.version < WQ_MQTT_5_0 || wq_properties_check(properties, 1u << type)) return WQ_E_PROPERTY;
  if (wq_properties_find(properties, WQ_P_SUBSCRIPTION_IDENTIFIER, &identifier) && !c->negotiated.identifiers_available)
    return WQ_E_SERVER_LIMIT;
  return 0;
}

static int check_subscription(const wq_client *c, const wq_subscription *s) {
  const wq_negotiated_t *n = &c->negotiated;
  if (!wq_topic_filter_valid(s->filter)) return WQ_E_FILTER; /* [M3:3.8.3-1] [M5:3.8.3-1] */
  if (s->qos > 2 || s->retain_handling > 2) return WQ_E_ARG;
  if (n->version < WQ_MQTT_5_0) return s->no_local || s->retain_as_published || s->retain_handling ? WQ_E_VERSION : 0;
  bool shared = wq_topic_filter_is_shared(s->filter);
  if (shared && s->no_local) /* [M5:3.8.3-4] */
    return WQ_E_ARG;
  if ((shared && !n->shared_available) || (!n->wildcard_available && wq_topic_filter_has_wildcard(s->filter)))
    return WQ_E_SERVER_LIMIT;
  return 0;
}

/* Room and a record for a request of `size` bytes. Returns the record's cell, or 0 with *error set. */
static uint32_t begin(wq_client *c, uint8_t kind, size_t filters, uint64_t size, int *error) {
  *error = 0;
  if (size > c->negotiated.maximum_packet_size)
    *error = WQ_E_SERVER_LIMIT;
  else if (size + WQ_OUTPUT_RESERVE > c->config.output_size || filters > UINT16_MAX)
    *error = WQ_E_ARG; /* never fits: use several */
  else if (c->requests.count >= WQ_REQUESTS_MAX || !wq_output_room(c, (uint32_t)size, true))
    *error = WQ_E_FULL;
  else if (c->cells.available < 1)
    *error = wq_cells_can_grow(&c->cells) ? WQ_E_MEMORY : WQ_E_FULL;
  if (*error == WQ_E_MEMORY) wq_want(c, WQ_WANT_CELLS, WQ_BLOCK_SIZE);
  if (*error) return 0;
  uint32_t cell = wq_message_new(c, kind);
  if (!wq_packet_id_take(c, cell)) {
    wq_message_free(c, cell);
    *error = WQ_E_FULL;
    return 0;
  }
  wq_message *m = wq_message_at(c, cell);
  m->filters = (uint16_t)filters;
  m->progress = WQ_SENT;
  wq_list_append(c, &c->requests, cell);
  return cell;
}

int wq_subscribe(wq_client *client, const wq_subscription *subscriptions, size_t count, wq_bytes properties,
                 uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTED) return WQ_E_STATE;
  if (!count) return WQ_E_ARG; /* [M3:3.8.3-3] [M5:3.8.3-2] */
  int error = check_properties(c, properties, WQ_SUBSCRIBE);
  for (size_t i = 0; !error && i < count; i++)
    error = check_subscription(c, &subscriptions[i]);
  if (error) return error;
  const uint8_t version = c->negotiated.version;
  uint64_t size = wq_subscribe_size(version, properties, subscriptions, count);
  uint32_t cell = begin(c, WQ_KIND_SUBSCRIBE, count, size, &error);
  if (!cell) return error;
  const wq_message *m = wq_message_at(c, cell);
  uint8_t *dst = wq_output_room(c, (uint32_t)size, true);
  wq_output_add(c, wq_subscribe_encode(dst, (uint32_t)size, version, m->packet_id, properties, subscriptions, count),
                now_ms);
  return (int)m->token;
}

int wq_unsubscribe(wq_client *client, const wq_bytes *filters, size_t count, wq_bytes properties, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_CONNECTED) return WQ_E_STATE;
  if (!count) return WQ_E_ARG; /* [M3:3.10.3-2] [M5:3.10.3-2] */
  int error = check_properties(c, properties, WQ_UNSUBSCRIBE);
  for (size_t i = 0; !error && i < count; i++)
    if (!wq_topic_filter_valid(filters[i])) error = WQ_E_FILTER; /* [M3:3.10.3-1] [M5:3.10.3-1] */
  if (error) return error;
  const uint8_t version = c->negotiated.version;
  uint64_t size = wq_unsubscribe_size(version, properties, filters, count);
  uint32_t cell = begin(c, WQ_KIND_UNSUBSCRIBE, count, size, &error);
  if (!cell) return error;
  const wq_message *m = wq_message_at(c, cell);
  uint8_t *dst = wq_output_room(c, (uint32_t)size, true);
  wq_output_add(c, wq_unsubscribe_encode(dst, (uint32_t)size, version, m->packet_id, properties, filters, count),
                now_ms);
  return (int)m->token;
}
