/* SPDX-License-Identifier: MIT
 * What a host has to store of a session that is to outlive the client, and how the next life takes it up. Records say what
 * became of messages; the messages themselves are the host's already. A record is made in the call that puts the packet
 * into the output which must not leave before it: see wq_records(). */
#include "client.h"

#include <string.h>

/* One packet, in or out, makes two records at most. */
#define RECORDS_SPARE 4u

/* Acknowledgements come in calls that must not fail, so each message that waits for one has room for its record. */
size_t wq_records_size(uint32_t records_max, uint32_t owed_n) {
  return records_max ? (records_max + owed_n + RECORDS_SPARE) * sizeof(wq_record) : 0;
}

void wq_record_add(wq_client *c, uint8_t type, uint16_t packet_id, uint32_t token) {
  if (!c->config.records_max) return;
  c->records[c->records_n++] = (wq_record){.type = type, .packet_id = packet_id, .token = token};
}

const wq_record *wq_records(const wq_client *client, size_t *count) {
  *count = client->records_n;
  return client->records;
}

int wq_records_done(wq_client *client, size_t count) {
  wq_client *c = client;
  if (count > c->records_n) return WQ_E_ARG;
  c->records_n -= (uint32_t)count;
  if (c->records_n) memmove(c->records, c->records + count, c->records_n * sizeof(wq_record));
  return 0;
}

int wq_restore(wq_client *client, const wq_publish_args *args, uint16_t packet_id, bool released, uint64_t now_ms) {
  wq_client *c = client;
  if (c->status != WQ_IDLE) return WQ_E_STATE;
  uint64_t size;
  int error = wq_publish_check(c, args, &size);
  if (error) return error;
  if (!args->qos || (released && (!packet_id || args->qos != 2))) return WQ_E_ARG;
  if (packet_id && wq_packet_id_find(c, packet_id)) return WQ_E_ARG;
  if (packet_id && (!wq_packet_id_free(c, packet_id) || c->inflight.count >= c->config.inflight_max)) return WQ_E_FULL;
  uint32_t cell = wq_enqueue(c, args, now_ms, &error);
  if (!cell) return error;
  wq_message *m = wq_message_at(c, cell);
  if (packet_id) {
    wq_packet_id_set(c, cell, packet_id);
    m->progress = released ? WQ_RELEASED : WQ_SENT;
    wq_list_remove(c, &c->waiting[1], cell);
    wq_list_append(c, &c->inflight, cell);
  }
  return (int)m->token;
}

int wq_restore_received(wq_client *client, uint16_t packet_id) {
  wq_client *c = client;
  if (c->status != WQ_IDLE) return WQ_E_STATE;
  if (!packet_id) return WQ_E_ARG;
  wq_bit_set(c->received, packet_id);
  return 0;
}
