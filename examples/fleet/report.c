/* SPDX-License-Identifier: MIT
 * What a device tells by itself: telemetry at its interval, alarms when a value crosses a limit, events, and its status
 * afresh now and then. */
#include <stdio.h>
#include <time.h>

#include "device.h"

enum { STATUS_EVERY_MS = 60000 };

typedef struct limit {
  const char *code, *severity;
  double (*value)(const model *);
  double raise, clear; /* raise over clear: too high is bad; else too low is */
  const char *raised, *cleared;
} limit;

static double temperature(const model *m) { return m->temperature; }
static double battery(const model *m) { return m->battery; }
static double vibration(const model *m) { return m->vibration; }

static const limit limits[DEVICE_ALARMS] = {
    {"temperature-high", "major", temperature, 9.5, 8.5, "Temperature over 9.5 degrees", "Temperature is normal again"},
    {"battery-low", "minor", battery, 15, 25, "Battery under 15 percent", "Battery is charged again"},
    {"vibration-high", "warning", vibration, 2.4, 1.8, "Compressor vibrates strongly", "Vibration is normal again"},
};

/* "2026-01-31T12:00:00Z" */
static const char *time_text(void) {
  static char text[24];
  time_t now = time(NULL);
  struct tm utc;
  if (!gmtime_r(&now, &utc) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) return "";
  return text;
}

void report_event(device *d, const char *type, const char *message, int progress) {
  json_text text = {.length = 0};
  json_add(&text, "{\"type\":\"%s\",\"text\":\"%s\"", type, message);
  if (progress >= 0) json_add(&text, ",\"progress\":%d", progress);
  json_add(&text, ",\"time\":\"%s\"}", time_text());
  device_publish(d, "events", 1, false, &text);
}

void report_alarm_codes(const device *d, json_text *text) {
  const char *comma = "";
  json_add(text, "[");
  for (int i = 0; i < DEVICE_ALARMS; i++) {
    if (!d->alarm[i]) continue;
    json_add(text, "%s\"%s\"", comma, limits[i].code);
    comma = ",";
  }
  json_add(text, "]");
}

static void report_alarm(device *d, const limit *l, bool raised, double value) {
  json_text text = {.length = 0};
  json_add(&text,
           "{\"code\":\"%s\",\"severity\":\"%s\",\"state\":\"%s\",\"text\":\"%s\",\"value\":%.1f,\"time\":\"%s\"}",
           l->code, l->severity, raised ? "raised" : "cleared", raised ? l->raised : l->cleared, value, time_text());
  device_publish(d, "alarms", 1, false, &text);
}

/* Between the two limits an alarm stays as it is. */
static void check_limits(device *d) {
  bool changed = false;
  for (int i = 0; i < DEVICE_ALARMS; i++) {
    const limit *l = &limits[i];
    double value = l->value(&d->model);
    bool high_is_bad = l->raise > l->clear;
    double raise = high_is_bad ? value - l->raise : l->raise - value;
    double clear = high_is_bad ? value - l->clear : l->clear - value;
    bool raised = d->alarm[i] ? clear > 0 : raise > 0;
    if (raised == d->alarm[i]) continue;
    d->alarm[i] = raised;
    changed = true;
    report_alarm(d, l, raised, value);
  }
  if (changed) device_publish_status(d);
}

static void report_telemetry(device *d) {
  const model *m = &d->model;
  json_text text = {.length = 0};
  json_add(
      &text,
      "{\"temperature\":%.2f,\"humidity\":%.1f,\"pressure\":%.1f,\"battery\":%.1f,\"vibration\":%.2f,\"door\":\"%s\"}",
      m->temperature, m->humidity, m->pressure, m->battery, m->vibration, m->door_open ? "open" : "closed");
  device_publish(d, "telemetry", 0, false, &text);
}

/* The model goes on while a device is offline; it is only not heard then. */
static void report(wqn_timer *timer, void *user) {
  device *d = user;
  uint64_t now = wqn_now();
  bool door = model_step(&d->model, (double)(now - d->reported_at) / 1000);
  if (d->online) {
    report_telemetry(d);
    if (door)
      report_event(d, d->model.door_open ? "door-opened" : "door-closed",
                   d->model.door_open ? "The door was opened" : "The door was closed", -1);
    check_limits(d);
    if ((now - d->booted_at) / STATUS_EVERY_MS != (d->reported_at - d->booted_at) / STATUS_EVERY_MS)
      device_publish_status(d);
  }
  d->reported_at = now;
  /* Counted from when it was due, so that devices which are spread over the second stay so. */
  d->report_due += d->interval_ms;
  if (d->report_due <= now) d->report_due = now + d->interval_ms;
  wqn_timer_start(d->fleet->loop, timer, d->report_due - now);
}

void report_start(device *d, uint64_t delay_ms) {
  d->reported_at = wqn_now();
  d->report_due = d->reported_at + delay_ms;
  d->telemetry.fire = report;
  d->telemetry.user = d;
  wqn_timer_start(d->fleet->loop, &d->telemetry, delay_ms);
}
