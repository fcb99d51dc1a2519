/* SPDX-License-Identifier: MIT
 * A device's life: it connects, subscribes to its commands, says that it is online, and says goodbye. Where it cannot, its
 * will says so. */
#include "device.h"

#include <stdio.h>
#include <string.h>

enum { SPREAD_MS = 1000, REBOOT_AFTER_MS = 200, REBOOT_TAKES_MS = 3000 };

static const char offline[] = "{\"state\":\"offline\"}";

static wq_bytes text_bytes(const char *text) { return (wq_bytes){(const uint8_t *)text, (uint32_t)strlen(text)}; }

/* ------------------------------------------------------------------------------------------------ saying things */

int device_publish(device *d, const char *kind, uint8_t qos, bool retain, const json_text *text) {
  char topic[64];
  if (!d->client || text->full) return WQ_E_STATE;
  snprintf(topic, sizeof topic, "devices/%s/%s", d->id, kind);
  wq_publish_args args = {
      .size = sizeof args,
      .qos = qos,
      .retain = retain,
      .topic = text_bytes(topic),
      .payload = {(const uint8_t *)text->bytes, (uint32_t)text->length},
  };
  return wqn_publish(d->client, &args);
}

static const char *site_of(const device *d) {
  static const char *const sites[] = {"Harbour, hall 1", "Harbour, hall 2", "Market", "Airport", "Dairy"};
  return sites[d->number % (sizeof sites / sizeof sites[0])];
}

void device_publish_status(device *d) {
  static const char *const models[] = {"CS-100", "CS-200", "CS-200X"};
  static const char *const firmwares[] = {"2.3.0", "2.4.1", "2.4.1", "2.4.1"};
  json_text text = {.length = 0};
  json_add(&text, "{\"state\":\"online\",\"model\":\"%s\",\"firmware\":\"%s\",\"site\":\"%s\",\"led\":\"%s\"",
           models[d->number % 3], firmwares[d->number % 4], site_of(d), d->led);
  json_add(&text, ",\"interval\":%u,\"uptime\":%u,\"alarms\":", d->interval_ms,
           (unsigned)((wqn_now() - d->booted_at) / 1000));
  report_alarm_codes(d, &text);
  json_add(&text, "}");
  device_publish(d, "status", 1, true, &text);
}

static int publish_offline(device *d, const char *reason) {
  json_text text = {.length = 0};
  json_add(&text, "{\"state\":\"offline\",\"reason\":\"%s\"}", reason);
  return device_publish(d, "status", 1, true, &text);
}

/* ------------------------------------------------------------------------------------------------ the connection */

static void go_offline(device *d) {
  command_abort(d);
  d->online = false;
}

static void subscribe(device *d) {
  char filter[64];
  snprintf(filter, sizeof filter, "devices/%s/commands/+", d->id);
  wq_subscription subscription = {.filter = text_bytes(filter), .qos = 1};
  wqn_subscribe(d->client, &subscription, 1, (wq_bytes){0});
}

/* Online is said once commands can come, so that whoever reads it may send one at once. */
static void on_subscribed(device *d, wq_bytes codes) {
  if (codes.len != 1 || codes.data[0] >= 0x80)
    fprintf(stderr, "fleet: %s may not subscribe to its commands: %s\n", d->id,
            codes.len == 1 ? wq_reason_name(WQ_SUBACK, WQ_MQTT_5_0, codes.data[0]) : "no reason given");
  d->online = true;
  device_publish_status(d);
  d->fleet->on_online(d->fleet, d);
}

static void on_message(wqn_client *client, const wqn_message *message, void *user) {
  (void)client;
  command_handle(user, message);
}

static void on_event(wqn_client *client, const wq_event *event, wq_bytes body, wq_bytes properties, void *user) {
  (void)properties;
  device *d = user;
  switch (event->type) {
  case WQ_EV_CONNACK:
    if (WQ_EVENT_RESULT(event) == 0) subscribe(d);
    break;
  case WQ_EV_SUBACK: on_subscribed(d, body); break;
  case WQ_EV_SETTLED:
    if (d->leaving && event->aux == d->goodbye) wqn_close(client);
    break;
  default: break;
  }
}

static void switch_on(wqn_timer *timer, void *user);

static void on_closed(wqn_client *client, const wqn_error *error, uint32_t retry_ms, void *user) {
  device *d = user;
  bool rebooting = !error && !d->leaving;
  if (error) go_offline(d);
  if (!retry_ms) {
    wqn_free(client);
    d->client = NULL;
  }
  if (rebooting) {
    d->life.fire = switch_on;
    wqn_timer_start(d->fleet->loop, &d->life, REBOOT_TAKES_MS);
  }
  d->fleet->on_offline(d->fleet, d, error, rebooting || retry_ms > 0);
}

static void switch_on(wqn_timer *timer, void *user) {
  (void)timer;
  device *d = user;
  wqn_error error;
  wqn_options options = d->fleet->options;
  options.connect = (wq_connect_args){
      .size = sizeof options.connect,
      .version = WQ_MQTT_5_0,
      .clean = true,
      .keep_alive = 30,
      .client_id = text_bytes(d->id),
      .has_will = true,
      .will_qos = 1,
      .will_retain = true,
      .will_topic = text_bytes(d->will_topic),
      .will_payload = text_bytes(offline),
  };
  options.callbacks = (wqn_callbacks){on_message, on_event, on_closed, d};
  d->booted_at = wqn_now();
  d->client = wqn_open(d->fleet->loop, &options, &error);
  if (!d->client) d->fleet->on_offline(d->fleet, d, &error, false);
}

/* ------------------------------------------------------------------------------------------------ beginning and end */

void device_start(device *d, fleet *f, uint32_t number, double place) {
  d->fleet = f;
  d->number = number;
  d->interval_ms = f->interval_ms;
  snprintf(d->id, sizeof d->id, "dev-%04u", number);
  snprintf(d->will_topic, sizeof d->will_topic, "devices/%s/status", d->id);
  snprintf(d->led, sizeof d->led, "off");
  model_init(&d->model, f->seed, number);
  d->life.fire = switch_on;
  d->life.user = d;
  wqn_timer_start(f->loop, &d->life, (uint64_t)(place * SPREAD_MS));
  report_start(d, (uint64_t)(place * d->interval_ms));
}

static void switch_off(wqn_timer *timer, void *user) {
  (void)timer;
  device *d = user;
  if (!d->client) return;
  publish_offline(d, "reboot");
  go_offline(d);
  wqn_close(d->client);
}

void device_reboot(device *d) {
  report_event(d, "reboot", "Rebooting on command", -1);
  d->life.fire = switch_off;
  wqn_timer_start(d->fleet->loop, &d->life, REBOOT_AFTER_MS); /* the answer and the acknowledgement leave first */
}

void device_leave(device *d) {
  d->leaving = true;
  wqn_timer_stop(d->fleet->loop, &d->life);
  wqn_timer_stop(d->fleet->loop, &d->telemetry);
  go_offline(d);
  if (!d->client) {
    d->fleet->on_offline(d->fleet, d, NULL, false);
    return;
  }
  int token = wqn_connected(d->client) ? publish_offline(d, "shutdown") : WQ_E_STATE;
  if (token > 0)
    d->goodbye = (uint32_t)token; /* its acknowledgement closes */
  else
    wqn_close(d->client);
}
