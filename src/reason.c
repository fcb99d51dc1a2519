/* SPDX-License-Identifier: MIT
 * What errors and reason codes are called, for people. */
#include "codec/reasons.h"
#include "wasmqtt.h"

typedef struct error_row {
  int error;
  const char *name, *text;
} error_row;

#define ROW(error, text)                                                                                               \
  { error, #error, text }

static const error_row errors[] = {
    ROW(WQ_OK, "No error."),
    ROW(WQ_E_ARG, "An argument is out of its range, or two arguments contradict each other; correct the call."),
    ROW(WQ_E_STATE,
        "This cannot be done in the connection's present state; wait until it is connected (or idle) again."),
    ROW(WQ_E_TOPIC, "The topic name is empty, too long, not UTF-8, or has + or # in it; name one topic exactly."),
    ROW(WQ_E_FILTER, "The topic filter is empty, too long, not UTF-8, or has a misplaced wildcard; + and # must be "
                     "whole levels, # last."),
    ROW(WQ_E_UTF8, "A text is not valid UTF-8, has U+0000 in it, or is over 65535 bytes; correct the text."),
    ROW(WQ_E_PROPERTY,
        "The properties are malformed, not allowed in this packet, or need MQTT 5.0; leave them out or use 5.0."),
    ROW(WQ_E_VERSION, "The MQTT version in force cannot carry this; connect with MQTT 5.0 or leave the option out."),
    ROW(WQ_E_TOKEN, "There is no such message: the token was never given, or its message has been settled."),
    ROW(WQ_E_SERVER_LIMIT, "The server announced that it does not take this (size, QoS, retain or kind of "
                           "subscription); see the negotiated limits."),
    ROW(WQ_E_MALFORMED, "The server sent bytes that are no MQTT packet; check that the address is an MQTT endpoint."),
    ROW(WQ_E_PROTOCOL, "The server sent a packet that MQTT does not allow here; check its MQTT version and its logs."),
    ROW(WQ_E_TOPIC_INVALID, "The server sent a message with an invalid topic name; find out who publishes it."),
    ROW(WQ_E_TOPIC_ALIAS,
        "The server used a topic alias that was never defined or is not allowed; this is a server fault."),
    ROW(WQ_E_RECEIVE_MAX,
        "The server sent more unacknowledged messages than the Receive Maximum allows; this is a server fault."),
    ROW(WQ_E_PACKET_SIZE,
        "The server sent a packet over the Maximum Packet Size; allow larger ones, or have less sent."),
    ROW(WQ_E_CONNACK_TIMEOUT,
        "The server did not answer CONNECT in time; check the address, the path and that it speaks MQTT."),
    ROW(WQ_E_PING_TIMEOUT, "Nothing came from the server after a ping: the connection is dead; connect again."),
    ROW(WQ_E_FULL,
        "The output or the queue is full; send what waits, or wait until messages are settled, then try again."),
    ROW(WQ_E_MEMORY, "The client needs another block of memory; add one and call again."),
    ROW(WQ_E_REFUSED, "The server refused; its reason code says why."),
    ROW(WQ_E_OUTCOME_UNKNOWN, "The server lost the session while this message was under way, so it may or may "
                              "not have been delivered."),
    ROW(WQ_E_EXPIRED,
        "The message waited longer than its Message Expiry Interval and was not sent; allow it more time."),
    ROW(WQ_E_FATAL, "The client is beyond repair; forget it and make a new one."),
};

static const error_row *find(int error) {
  if (WQ_IS_REFUSED(error)) error = WQ_E_REFUSED;
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
    if (errors[i].error == error) return &errors[i];
  return NULL;
}

const char *wq_error_name(int error) {
  const error_row *row = find(error);
  return row != NULL ? row->name : "WQ_E_UNKNOWN";
}

const char *wq_error_text(int error) {
  const error_row *row = find(error);
  return row != NULL ? row->text : "An error that this version does not know; look its number up in wasmqtt.h.";
}

const char *wq_reason_name(uint8_t packet_type, uint8_t version, uint8_t reason) {
  const char *name = wq_reason_listed(packet_type, version, reason);
  return name != NULL ? name : "Unknown reason code";
}
