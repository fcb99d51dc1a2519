/* SPDX-License-Identifier: MIT
 * One simulated device and its MQTT connection.
 *
 *   devices/{id}/status           retained: {"state":"online", ...} or, by its own hand or its will, {"state":"offline"}
 *   devices/{id}/telemetry        every interval: {"temperature":4.21, ...}
 *   devices/{id}/events           {"type":"door-opened", ...}
 *   devices/{id}/alarms           {"code":"temperature-high","state":"raised", ...}, and "cleared" later
 *   devices/{id}/commands/{name}  answered on the request's response topic: {"ok":true,"result":...} or
 *                                 {"ok":false,"error":"..."}
 *
 * device.c connects and says who it is, report.c tells what it measures, commands.c does what it is told. */
#ifndef FLEET_DEVICE_H
#define FLEET_DEVICE_H

#include "json.h"
#include "model.h"
#include "native/host.h"

enum { DEVICE_ALARMS = 3, DEVICE_INTERVAL_MIN_MS = 100, DEVICE_INTERVAL_MAX_MS = 3600000 };

struct fleet;

/* A command that is answered later; a copy of what its request said. topic.data NULL: nobody waits for an answer. */
typedef struct device_request {
  wq_bytes topic, correlation;
} device_request;

typedef struct device {
  struct fleet *fleet;
  uint32_t number; /* from 1 */
  char id[16];     /* "dev-0001" */
  char will_topic[48];
  wqn_client *client; /* NULL: switched off */
  bool online;        /* it has said so */
  bool leaving;       /* the program ends: say goodbye, and do not come back */
  uint32_t goodbye;   /* token of the last status */
  uint64_t booted_at;

  uint32_t interval_ms;
  char led[8]; /* "on", "off" or "#rrggbb" */
  model model;
  bool alarm[DEVICE_ALARMS];

  wqn_timer life;      /* the next thing to happen to it: connect, go down for a reboot */
  wqn_timer telemetry; /* the next report */
  uint64_t report_due, reported_at;

  wqn_timer test; /* the next step of a self-test */
  unsigned test_step;
  device_request test_request;
} device;

/* What a device tells the fleet it belongs to. */
typedef struct fleet {
  wqn_loop *loop;
  wqn_options options; /* of every connection, but for who it is */
  uint64_t seed;
  uint32_t interval_ms;
  uint32_t count;
  void (*on_online)(struct fleet *, device *);
  /* error: NULL if it went by itself. coming_back: it will try again. */
  void (*on_offline)(struct fleet *, device *, const wqn_error *error, bool coming_back);
} fleet;

/* -- device.c */

/* device_start - switch it on within a second. d: zeroed; stays in place until the loop is freed. place: 0 to 1, where it
 * comes in the second and in the interval, so that the fleet does not do everything at once. */
void device_start(device *d, fleet *f, uint32_t number, double place);

/* device_leave - say goodbye and disconnect; on_offline tells when that is done. */
void device_leave(device *d);

/* device_reboot - go offline shortly, and come back some seconds later. */
void device_reboot(device *d);

/* device_publish - to devices/{id}/{kind}. Returns as wqn_publish(). */
int device_publish(device *d, const char *kind, uint8_t qos, bool retain, const json_text *text);

/* device_publish_status - after something in it changed. */
void device_publish_status(device *d);

/* -- report.c */

void report_start(device *d, uint64_t delay_ms);

/* report_event - text: for a person; progress: percent, or under 0 where that makes no sense. */
void report_event(device *d, const char *type, const char *text, int progress);

/* report_alarm_codes - append the codes of the alarms that are raised, as a JSON array. */
void report_alarm_codes(const device *d, json_text *text);

/* -- commands.c */

void command_handle(device *d, const wqn_message *message);

/* command_abort - answer what is still under way: it will not be finished. */
void command_abort(device *d);

#endif
