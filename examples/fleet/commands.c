/* SPDX-License-Identifier: MIT
 * Commands: devices/{id}/commands/{name}, arguments as a JSON object, the answer as one too. A request without a response
 * topic is carried out in silence. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

enum { TEST_STEPS = 4, TEST_STEP_MS = 1000, REQUEST_MAX = 1024 };

typedef struct command {
  device *device;
  wq_bytes arguments;
  device_request request; /* views into the message */
} command;

/* ------------------------------------------------------------------------------------------------ answers */

static void answer(device *d, const device_request *request, const json_text *text) {
  uint8_t properties[REQUEST_MAX + 8];
  uint32_t length = 0;
  if (!request->topic.data || !d->client || text->full) return;
  if (request->correlation.data) {
    wq_property correlation = {.id = WQ_P_CORRELATION_DATA, .a = request->correlation};
    if (wq_property_write(properties, sizeof properties, &length, &correlation)) return;
  }
  wq_publish_args args = {
      .size = sizeof args,
      .qos = 1,
      .topic = request->topic,
      .properties = {properties, length},
      .payload = {(const uint8_t *)text->bytes, (uint32_t)text->length},
  };
  int result = wqn_publish(d->client, &args);
  if (result < 0) fprintf(stderr, "fleet: %s cannot answer a command: %s\n", d->id, wq_error_text(result));
}

static void answer_error(device *d, const device_request *request, const char *error) {
  json_text text = {.length = 0};
  json_add(&text, "{\"ok\":false,\"error\":");
  json_add_string(&text, error);
  json_add(&text, "}");
  answer(d, request, &text);
}

static void answer_result(device *d, const device_request *request, const char *result) {
  json_text text = {.length = 0};
  json_add(&text, "{\"ok\":true,\"result\":%s}", result);
  answer(d, request, &text);
}

/* ------------------------------------------------------------------------------------------------ the commands */

/* Each answers, now or later, or returns why it will not. */
typedef const char *(*command_function)(command *);

static const char *reboot(command *c) {
  answer_result(c->device, &c->request, "\"rebooting\"");
  device_reboot(c->device);
  return NULL;
}

static const char *set_interval(command *c) {
  char result[40];
  json_value ms;
  if (!json_member(c->arguments.data, c->arguments.len, "ms", &ms)) return "the arguments are not a JSON object";
  if (ms.type != JSON_NUMBER || ms.number != floor(ms.number) || ms.number < DEVICE_INTERVAL_MIN_MS ||
      ms.number > DEVICE_INTERVAL_MAX_MS)
    return "ms must be a whole number from 100 to 3600000";
  c->device->interval_ms = (uint32_t)ms.number;
  report_start(c->device, c->device->interval_ms);
  device_publish_status(c->device);
  snprintf(result, sizeof result, "{\"interval\":%u}", c->device->interval_ms);
  answer_result(c->device, &c->request, result);
  return NULL;
}

static bool is_colour(const char *text) {
  return strlen(text) == 7 && text[0] == '#' && strspn(text + 1, "0123456789abcdefABCDEF") == 6;
}

static const char *led(command *c) {
  char result[40];
  json_value on, colour;
  if (!json_member(c->arguments.data, c->arguments.len, "on", &on) ||
      !json_member(c->arguments.data, c->arguments.len, "color", &colour))
    return "the arguments are not a JSON object";
  if (colour.type == JSON_STRING && is_colour(colour.text) && on.type != JSON_FALSE)
    memcpy(c->device->led, colour.text, 8);
  else if (colour.type == JSON_ABSENT && (on.type == JSON_TRUE || on.type == JSON_FALSE))
    snprintf(c->device->led, sizeof c->device->led, "%s", on.type == JSON_TRUE ? "on" : "off");
  else
    return "give on: true or false, or color: \"#rrggbb\"";
  device_publish_status(c->device);
  snprintf(result, sizeof result, "{\"led\":\"%s\"}", c->device->led);
  answer_result(c->device, &c->request, result);
  return NULL;
}

static const char *calibrate(command *c) {
  (void)c;
  return "no reference sensor is attached";
}

/* ------------------------------------------------------------------------------------------------ the slow one */

/* NULL if there is no memory, or nothing to copy. */
static uint8_t *copy_of(wq_bytes from) {
  uint8_t *bytes = from.data ? malloc(from.len + 1u) : NULL;
  if (bytes && from.len > 0) memcpy(bytes, from.data, from.len);
  return bytes;
}

static void end_test(device *d) {
  wqn_timer_stop(d->fleet->loop, &d->test);
  free((void *)d->test_request.topic.data);
  free((void *)d->test_request.correlation.data);
  d->test_request = (device_request){0};
  d->test_step = 0;
}

static void step_test(wqn_timer *timer, void *user) {
  device *d = user;
  d->test_step++;
  report_event(d, "self-test", d->test_step < TEST_STEPS ? "Self-test is running" : "Self-test is done",
               (int)(100 * d->test_step / TEST_STEPS));
  if (d->test_step < TEST_STEPS) {
    wqn_timer_start(d->fleet->loop, timer, TEST_STEP_MS);
    return;
  }
  answer_result(d, &d->test_request, "{\"sensors\":\"good\",\"memory\":\"good\",\"radio\":\"good\"}");
  end_test(d);
}

static const char *self_test(command *c) {
  device *d = c->device;
  if (d->test.due) return "a self-test is running already";
  d->test_request.topic = (wq_bytes){copy_of(c->request.topic), c->request.topic.len};
  d->test_request.correlation = (wq_bytes){copy_of(c->request.correlation), c->request.correlation.len};
  if ((c->request.topic.data && !d->test_request.topic.data) ||
      (c->request.correlation.data && !d->test_request.correlation.data)) {
    end_test(d);
    return "the device has no memory left";
  }
  d->test.fire = step_test;
  d->test.user = d;
  wqn_timer_start(d->fleet->loop, &d->test, TEST_STEP_MS);
  return NULL;
}

void command_abort(device *d) {
  if (!d->test.due) return;
  if (d->client && wqn_connected(d->client)) answer_error(d, &d->test_request, "the device went offline meanwhile");
  end_test(d);
}

/* ------------------------------------------------------------------------------------------------ taking one */

static const struct {
  const char *name;
  command_function run;
} commands[] = {
    {"reboot", reboot},       {"set-interval", set_interval}, {"led", led},
    {"self-test", self_test}, {"calibrate", calibrate},
};

static command_function find(const char *name) {
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, name) == 0) return commands[i].run;
  }
  return NULL;
}

/* The last level of the topic, as text; cut if it is longer than any command. */
static void name_of(wq_bytes topic, char *name, size_t room) {
  uint32_t start = topic.len;
  while (start > 0 && topic.data[start - 1] != '/')
    start--;
  size_t length = topic.len - start < room - 1 ? topic.len - start : room - 1;
  memcpy(name, topic.data + start, length);
  name[length] = '\0';
}

static device_request request_of(wq_bytes properties) {
  device_request request = {0};
  wq_property property;
  while (wq_property_read(&properties, &property) == 1) {
    if (property.id == WQ_P_RESPONSE_TOPIC) request.topic = property.a;
    if (property.id == WQ_P_CORRELATION_DATA) request.correlation = property.a;
  }
  return request;
}

void command_handle(device *d, const wqn_message *message) {
  char name[32];
  char unknown[96];
  command c = {.device = d, .arguments = message->payload, .request = request_of(message->properties)};
  if (c.request.topic.len > REQUEST_MAX || c.request.correlation.len > REQUEST_MAX) {
    fprintf(stderr, "fleet: %s ignores a command whose response topic or correlation data is over %d bytes\n", d->id,
            REQUEST_MAX);
    return;
  }
  name_of(message->topic, name, sizeof name);
  command_function run = find(name);
  if (!run) {
    snprintf(unknown, sizeof unknown, "unknown command \"%s\"", name);
    answer_error(d, &c.request, unknown);
    return;
  }
  const char *refusal = run(&c);
  if (refusal) answer_error(d, &c.request, refusal);
}
