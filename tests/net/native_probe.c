/* SPDX-License-Identifier: MIT
 * The native host from a command line, for native.test.js: connects once, does one step after the other, and prints what
 * happens as one line of JSON each. A step begins when the one before it is done.
 *
 *   native_probe [--version 3|4|5] [--ca FILE] [--id ID] [--keep] [--will TOPIC] [--retry MS] [--timeout MS]
 *                URL STEP...
 *
 *   subscribe FILTER QOS              done at SUBACK
 *   publish TOPIC QOS RETAIN SIZE     a payload of SIZE bytes (byte i is i * 31 + i / 256); done when settled
 *   expect N                          done when N messages came since the last `expect`
 *   reconnected                       done when CONNACK came again
 *   wait                              never done: for tests that end the process or its broker
 *
 * --keep: no clean start, and a session that stays. After the last step it disconnects. Exit status: 0 closed as asked,
 * 1 failed, 2 wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto.h"
#include "native/host.h"

typedef struct probe {
  wqn_loop *loop;
  wqn_client *client;
  char **steps;      /* what is left; ends with NULL */
  uint32_t token;    /* that the step under way waits for */
  unsigned messages; /* since the last `expect` */
  unsigned connects;
  int status;
} probe;

static void usage(const char *why) {
  fprintf(stderr, "native_probe: %s\n", why);
  exit(2);
}

static wq_bytes text_bytes(const char *text) { return (wq_bytes){(const uint8_t *)text, (uint32_t)strlen(text)}; }

static void print_string(const char *name, const void *bytes, size_t length) {
  printf(", \"%s\": \"", name);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = ((const unsigned char *)bytes)[i];
    if (c < 0x20 || c >= 0x7F || c == '"' || c == '\\')
      printf("\\u%04x", c);
    else
      putchar(c);
  }
  putchar('"');
}

static void end_line(void) {
  puts("}");
  fflush(stdout);
}

/* ------------------------------------------------------------------------------------------------ steps */

static const char *step_word(probe *p) {
  if (!*p->steps) usage("a step lacks an argument");
  return *p->steps++;
}

static unsigned step_number(probe *p) { return (unsigned)strtoul(step_word(p), NULL, 10); }

static int start_publish(probe *p) {
  wq_publish_args args = {.size = sizeof args};
  args.topic = text_bytes(step_word(p));
  args.qos = (uint8_t)step_number(p);
  args.retain = step_number(p) != 0;
  args.payload.len = step_number(p);
  uint8_t *payload = malloc(args.payload.len + 1u);
  if (!payload) usage("no memory");
  for (uint32_t i = 0; i < args.payload.len; i++)
    payload[i] = (uint8_t)(i * 31 + i / 256);
  args.payload.data = payload;
  int result = wqn_publish(p->client, &args);
  free(payload);
  return result;
}

static int start_subscribe(probe *p) {
  wq_subscription subscription = {.filter = text_bytes(step_word(p))};
  subscription.qos = (uint8_t)step_number(p);
  return wqn_subscribe(p->client, &subscription, 1, (wq_bytes){0});
}

/* Begin steps as long as each is done at once. */
static void go_on(probe *p) {
  while (!p->token) {
    char **at = p->steps;
    if (!*at) {
      wqn_close(p->client);
      return;
    }
    const char *name = step_word(p);
    int result = 0;
    bool done = true;
    if (strcmp(name, "publish") == 0) {
      result = start_publish(p);
    } else if (strcmp(name, "subscribe") == 0) {
      result = start_subscribe(p);
    } else if (strcmp(name, "expect") == 0) {
      unsigned wanted = step_number(p);
      done = p->messages >= wanted;
      if (done) p->messages -= wanted;
    } else if (strcmp(name, "reconnected") == 0) {
      done = p->connects > 1;
    } else if (strcmp(name, "wait") == 0) {
      done = false;
    } else {
      usage("unknown step");
    }
    if (result < 0) {
      printf("{\"event\": \"error\", \"step\": \"%s\", \"error\": \"%s\"", name, wq_error_name(result));
      end_line();
      p->status = 1;
      wqn_close(p->client);
      return;
    }
    if (!done) {
      p->steps = at; /* looked at again when something happens */
      return;
    }
    p->token = (uint32_t)result;
  }
}

/* ------------------------------------------------------------------------------------------------ callbacks */

static void on_message(wqn_client *client, const wqn_message *message, void *user) {
  (void)client;
  probe *p = user;
  wq_crypto_op digest;
  wq_crypto_digest(&digest, WQ_SHA256, message->payload.data, message->payload.len);
  printf("{\"event\": \"message\", \"qos\": %d, \"retain\": %s, \"length\": %u", message->qos,
         message->retain ? "true" : "false", message->payload.len);
  print_string("topic", message->topic.data, message->topic.len);
  printf(", \"sha256\": \"");
  for (uint32_t i = 0; i < digest.length; i++)
    printf("%02x", digest.result[i]);
  printf("\"");
  wq_bytes properties = message->properties;
  wq_property property;
  while (wq_property_read(&properties, &property) == 1) {
    if (property.id == WQ_P_CONTENT_TYPE) print_string("contentType", property.a.data, property.a.len);
  }
  end_line();
  p->messages++;
  go_on(p);
}

static void on_event(wqn_client *client, const wq_event *event, wq_bytes body, wq_bytes properties, void *user) {
  (void)properties;
  probe *p = user;
  switch (event->type) {
  case WQ_EV_CONNACK:
    if (WQ_EVENT_RESULT(event) != 0) return; /* on_closed tells */
    printf("{\"event\": \"connected\", \"version\": %d, \"session\": %s", wq_negotiated(wqn_core(client))->version,
           event->flags & WQ_EVF_SESSION ? "true" : "false");
    end_line();
    p->connects++;
    break;
  case WQ_EV_SETTLED:
    printf("{\"event\": \"settled\", \"result\": %d, \"reason\": %d", WQ_EVENT_RESULT(event), event->reason);
    end_line();
    if (event->aux == p->token) p->token = 0;
    break;
  case WQ_EV_SUBACK:
    printf("{\"event\": \"subscribed\", \"granted\": %d", body.len == 1 ? body.data[0] : -1);
    end_line();
    if (event->aux == p->token) p->token = 0;
    break;
  default: return;
  }
  go_on(p);
}

static void on_closed(wqn_client *client, const wqn_error *error, uint32_t retry_ms, void *user) {
  (void)client;
  probe *p = user;
  printf("{\"event\": \"closed\", \"retry\": %s", retry_ms ? "true" : "false");
  if (error) {
    printf(", \"phase\": \"%s\", \"code\": %d", wqn_phase_name(error->phase), error->code);
    print_string("text", error->text, strlen(error->text));
  }
  end_line();
  if (retry_ms) return;
  if (error) p->status = 1;
  wqn_loop_stop(p->loop);
}

/* ------------------------------------------------------------------------------------------------ main */

static char **read_options(char **at, wqn_options *options, uint8_t *session_expiry) {
  for (; *at && strncmp(*at, "--", 2) == 0; at++) {
    const char *name = *at;
    if (strcmp(name, "--keep") == 0) {
      uint32_t length = 0;
      wq_property expiry = {.id = WQ_P_SESSION_EXPIRY_INTERVAL, .number = 300};
      options->connect.clean = false;
      wq_property_write(session_expiry, 8, &length, &expiry);
      options->connect.properties = (wq_bytes){session_expiry, length};
      continue;
    }
    const char *value = *++at;
    if (!value) usage("an option lacks its value");
    if (strcmp(name, "--version") == 0) {
      options->connect.version = (uint8_t)atoi(value);
    } else if (strcmp(name, "--ca") == 0) {
      options->ca_file = value;
    } else if (strcmp(name, "--id") == 0) {
      options->connect.client_id = text_bytes(value);
    } else if (strcmp(name, "--retry") == 0) {
      options->retry_min_ms = options->retry_max_ms = (uint32_t)atoi(value);
    } else if (strcmp(name, "--timeout") == 0) {
      options->open_timeout_ms = (uint32_t)atoi(value);
    } else if (strcmp(name, "--will") == 0) {
      options->connect.has_will = true;
      options->connect.will_qos = 1;
      options->connect.will_topic = text_bytes(value);
      options->connect.will_payload = text_bytes("gone");
    } else {
      usage("unknown option");
    }
  }
  if (options->connect.version != WQ_MQTT_5_0) options->connect.properties = (wq_bytes){0};
  return at;
}

int main(int argc, char **argv) {
  (void)argc;
  probe p = {0};
  uint8_t session_expiry[8];
  wqn_options options = {.connect = {.version = WQ_MQTT_5_0, .clean = true, .keep_alive = 30}};
  wqn_error error;
  wq_config_init(&options.config);
  options.callbacks = (wqn_callbacks){on_message, on_event, on_closed, &p};
  char **rest = read_options(argv + 1, &options, session_expiry);
  if (!*rest) usage("no URL");
  options.url = *rest;
  p.steps = rest + 1;

  p.loop = wqn_loop_new();
  if (!p.loop) usage("no loop");
  p.client = wqn_open(p.loop, &options, &error);
  if (p.client)
    wqn_loop_run(p.loop);
  else
    on_closed(NULL, &error, 0, &p);
  wqn_loop_free(p.loop);
  return p.status;
}
