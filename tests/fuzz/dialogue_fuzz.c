/* SPDX-License-Identifier: MIT
 * libFuzzer target of the dialogues, and of the JSON that they read. The first byte chooses one; then each byte is something
 * that is heard or that the app does, with its text behind it, up to the byte FF. In a text, the byte FE stands for the
 * number of the last request, so that answers to it are found. What must hold: it settles after a few steps, views are good
 * for reading, topics are valid, what ended stays ended, and JSON that is handed out is JSON. */
#include "codec/topic.h"
#include "codec/utf8.h"
#include "provider/dialogue.h"
#include "provider/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARK 0xFF
#define NUMBER 0xFE

static void must(bool good) {
  if (!good) abort();
}

/* The crypto host is not asked for anything. */
int wq_crypto_random(uint8_t *bytes, uint32_t length) {
  (void)bytes, (void)length;
  abort();
}

void wq_crypto_digest(wq_crypto_op *op, int hash, const uint8_t *data, uint32_t length) {
  (void)op, (void)hash, (void)data, (void)length;
  abort();
}

void wq_crypto_hmac(wq_crypto_op *op, int hash, const uint8_t *key, uint32_t key_length, const uint8_t *data,
                    uint32_t length) {
  (void)op, (void)hash, (void)key, (void)key_length, (void)data, (void)length;
  abort();
}

void wq_crypto_pbkdf2(wq_crypto_op *op, int hash, const uint8_t *password, uint32_t password_length,
                      const uint8_t *salt, uint32_t salt_length, uint32_t iterations, uint32_t result_length) {
  (void)op, (void)hash, (void)password, (void)password_length, (void)salt, (void)salt_length, (void)iterations;
  (void)result_length;
  abort();
}

void wq_crypto_sign(wq_crypto_op *op, int algorithm, const uint8_t *pkcs8, uint32_t pkcs8_length, const uint8_t *data,
                    uint32_t length) {
  (void)op, (void)algorithm, (void)pkcs8, (void)pkcs8_length, (void)data, (void)length;
  abort();
}

/* ------------------------------------------------------------------------------------------------ steps */

static wq_dialogue dialogue;
static uint64_t now;
static uint32_t request;

static void readable(wq_bytes view) {
  static volatile uint8_t sum;
  for (uint32_t i = 0; i < view.len; i++)
    sum = (uint8_t)(sum + view.data[i]);
}

static void is_json(wq_bytes view) {
  if (view.data != NULL) must(wq_json_read(view).len == view.len);
}

static void is_good(const wq_step *step) {
  const wq_bytes views[] = {step->head, step->tail, step->name, step->detail};
  for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
    readable(views[i]);
  is_json(step->desired);
  is_json(step->reported);
  is_json(step->details);
  is_json(step->text);
  must(wq_utf8_valid(step->detail));
  must(step->filters_n <= WQ_STEP_FILTERS_MAX && step->values_n <= WQ_STEP_VALUES_MAX);
  for (uint32_t i = 0; i < step->filters_n; i++)
    must(wq_topic_filter_valid(step->filters[i]));
  for (uint32_t i = 0; i < step->values_n; i++)
    must(step->values[i].value.len != 0 && wq_utf8_valid(step->values[i].value));
  switch (step->kind) {
  case WQ_STEP_WAIT: must(step->until_ms > now); break;
  case WQ_STEP_SUBSCRIBE: must(step->filters_n != 0); break;
  case WQ_STEP_PUBLISH: must(wq_topic_name_valid(step->topic)); break;
  case WQ_STEP_DONE: must(step->values_n != 0); break;
  case WQ_STEP_FAILED: must(step->fault < 0 && wq_dialogue_fault_text(step->fault)[0] != 0); break;
  default: break;
  }
}

static void step_on(const wq_heard *heard) {
  static uint8_t ended;
  wq_step step;
  for (uint32_t steps = 0;; steps++) {
    must(steps < WQ_OPERATIONS_MAX + 4);
    wq_dialogue_step(&dialogue, heard, now, &step);
    heard = NULL;
    is_good(&step);
    if (step.kind == WQ_STEP_PUBLISH) request = step.request;
    if (step.kind == WQ_STEP_WAIT || step.kind >= WQ_STEP_DONE) break;
  }
  ended = step.kind;
  if (ended < WQ_STEP_DONE) return;
  wq_dialogue_step(&dialogue, &(wq_heard){.kind = WQ_HEARD_CONNECTED}, now + 1, &step);
  must(step.kind == ended);
}

/* ------------------------------------------------------------------------------------------------ what is heard */

/* A copy of exactly that size, with numbers put in, so that AddressSanitizer sees the first byte behind it. */
static wq_bytes copy_of(wq_bytes text) {
  char digits[12];
  const uint32_t n = (uint32_t)snprintf(digits, sizeof digits, "%u", (unsigned)request);
  uint32_t length = 0;
  for (uint32_t i = 0; i < text.len; i++)
    length += text.data[i] == NUMBER ? n : 1;
  uint8_t *copy = malloc(length);
  must(copy != NULL || length == 0);
  for (uint32_t i = 0, at = 0; i < text.len; i++) {
    if (text.data[i] != NUMBER) {
      copy[at++] = text.data[i];
      continue;
    }
    memcpy(copy + at, digits, n);
    at += n;
  }
  return (wq_bytes){copy, length};
}

static void message(const char *topic, wq_bytes text) {
  const wq_bytes payload = copy_of(text);
  const wq_bytes name = copy_of((wq_bytes){(const uint8_t *)topic, (uint32_t)strlen(topic)});
  step_on(&(wq_heard){.kind = WQ_HEARD_MESSAGE, .topic = name, .payload = payload});
  free((void *)(uintptr_t)name.data);
  free((void *)(uintptr_t)payload.data);
}

/* Topics that mean something to one of the dialogues. */
static const char *const topics[] = {"$dps/registrations/res/202/?$rid=\xFE&retry-after=2",
                                     "$dps/registrations/res/200/?$rid=\xFE",
                                     "$dps/registrations/res/401/?$rid=\xFE",
                                     "s/dcr",
                                     "/ext/register",
                                     "/ext/regnwl",
                                     "$iothub/twin/res/200/?$rid=\xFE",
                                     "$iothub/twin/res/204/?$rid=\xFE&$version=7",
                                     "$iothub/twin/res/429/?$rid=\xFE",
                                     "$iothub/twin/PATCH/properties/desired/?$version=8",
                                     "$aws/things/dev/shadow/get/accepted",
                                     "$aws/things/dev/shadow/get/rejected",
                                     "$aws/things/dev/shadow/update/accepted",
                                     "$aws/things/dev/shadow/update/rejected",
                                     "$aws/things/dev/shadow/update/delta",
                                     "$SCW/twins/me/doc/get/response/success",
                                     "$SCW/twins/me/doc/patch/response/error",
                                     "/shadow/get/pk/dev",
                                     "/sys/pk/dev/thing/event/property/post_reply",
                                     "$aws/things/dev/jobs/notify-next",
                                     "$aws/things/dev/jobs/start-next/accepted",
                                     "$aws/things/dev/jobs/start-next/rejected",
                                     "$aws/things/dev/jobs/j1/update/accepted",
                                     "$aws/things/dev/jobs/j1/update/rejected"};
#define TOPICS (sizeof topics / sizeof topics[0])

/* Good answers, which are hard to come by at random: the machine has states that only they lead to. */
static const char *const answers[] = {
    "{\"status\":\"assigning\",\"operationId\":\"4.a\"}",
    "{\"status\":\"assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"deviceId\":\"d\"}}",
    "70,t1,user,password",
    "{\"deviceSecret\":\"s\"}",
    "{\"deviceToken\":\"s\",\"clientId\":\"c\"}",
    "{\"desired\":{\"$version\":7},\"reported\":{\"$version\":3}}",
    "{\"state\":{\"desired\":{\"a\":1},\"reported\":{}},\"version\":7}",
    "{\"state\":{\"a\":1},\"version\":9,\"clientToken\":\"\xFE\"}",
    "{\"code\":409,\"message\":\"no\",\"clientToken\":\"\xFE\"}",
    "{\"version\":4,\"data\":{}}",
    "{\"error\":\"no\",\"actual_version\":5}",
    "{\"method\":\"reply\",\"payload\":{\"status\":\"success\",\"state\":{\"desired\":{}}},\"version\":4}",
    "{\"method\":\"control\",\"payload\":{\"state\":{\"desired\":{}}},\"version\":8}",
    "{\"id\":\"\xFE\",\"code\":200}",
    "{\"clientToken\":\"\xFE\",\"execution\":{\"jobId\":\"j1\",\"versionNumber\":2,\"jobDocument\":{}}}",
    ("{\"clientToken\":\"\xFE\",\"code\":\"VersionMismatch\",\"executionState\":{\"status\":\"IN_PROGRESS\","
     "\"versionNumber\":3}}"),
    "{\"clientToken\":\"\xFE\"}"};
#define ANSWERS (sizeof answers / sizeof answers[0])

static void app(uint8_t what, wq_bytes text) {
  uint32_t ticket;
  const wq_bytes child = {text.data, text.len > 3 ? 3 : 0}, name = {text.data + child.len, text.len - child.len};
  switch (what % 5) {
  case 0: wq_dialogue_get(&dialogue); break;
  case 1: wq_dialogue_report(&dialogue, (what & 32) != 0); break;
  case 2: wq_dialogue_job(&dialogue, what >> 5, true); break;
  case 3: wq_dialogue_operation(&dialogue, child, name, &ticket); break;
  default: wq_dialogue_finish(&dialogue, what >> 4, (what & 8) != 0, true);
  }
  step_on(NULL);
}

static void hear(uint8_t what, uint8_t more, wq_bytes text) {
  switch (what % 8) {
  case 0:
    now += (uint64_t)more * 250;
    step_on(NULL);
    break;
  case 1: step_on(&(wq_heard){.kind = WQ_HEARD_CONNECTED}); break;
  case 2: step_on(&(wq_heard){.kind = WQ_HEARD_SUBSCRIBED, .payload = text}); break;
  case 3: step_on(&(wq_heard){.kind = WQ_HEARD_PUBLISHED, .request = request - (more == 0)}); break;
  case 4: step_on(&(wq_heard){.kind = more & 1 ? WQ_HEARD_CLOSED : WQ_HEARD_REFUSED, .code = more}); break;
  case 5: app(more, text); break;
  case 6: {
    const char *answer = answers[text.len != 0 ? text.data[0] % ANSWERS : 0];
    message(topics[more % TOPICS], (wq_bytes){(const uint8_t *)answer, (uint32_t)strlen(answer)});
    break;
  }
  default: message(topics[more % TOPICS], text);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct {
    uint8_t kind, service;
    const char *name;
  } ways[] = {{WQ_DIALOGUE_REGISTER, WQ_AZURE_IOT_HUB, ""}, {WQ_DIALOGUE_REGISTER, WQ_CUMULOCITY, ""},
              {WQ_DIALOGUE_REGISTER, WQ_ALIBABA, ""},       {WQ_DIALOGUE_STATE, WQ_AWS, ""},
              {WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, ""},    {WQ_DIALOGUE_STATE, WQ_ALIBABA, ""},
              {WQ_DIALOGUE_STATE, WQ_SCALEWAY, "doc"},      {WQ_DIALOGUE_JOBS, WQ_AWS, ""},
              {WQ_DIALOGUE_OPERATIONS, WQ_CUMULOCITY, ""}};
  if (size < 2) return 0;
  const uint32_t way = data[0] % (sizeof ways / sizeof ways[0]);
  const wq_dialogue_args args = {
      .kind = ways[way].kind,
      .seat = {ways[way].service,
               {(const uint8_t *)"dev", 3},
               {(const uint8_t *)"pk", ways[way].service == WQ_ALIBABA || ways[way].service == WQ_AWS ? 2 : 0}},
      .name = {(const uint8_t *)ways[way].name, (uint32_t)strlen(ways[way].name)}};
  now = 1;
  request = 0;
  must(wq_dialogue_begin(&dialogue, &args, now) == 0);
  step_on(NULL);
  if (data[0] >= 128) { /* as most runs go on anyway */
    step_on(&(wq_heard){.kind = WQ_HEARD_CONNECTED});
    step_on(&(wq_heard){.kind = WQ_HEARD_SUBSCRIBED});
  }
  for (size_t at = 1, end; at + 1 < size; at = end + 1) {
    for (end = at + 2; end < size && data[end] != MARK; end++)
      ;
    hear(data[at], data[at + 1], (wq_bytes){data + at + 2, (uint32_t)(end - at - 2)});
  }
  return 0;
}
