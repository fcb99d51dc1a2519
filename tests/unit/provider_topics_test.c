/* SPDX-License-Identifier: MIT
 * Topics: built and read back, service by service; filters; property bags; and that no part can reach out of its place. */
#include "guard.h"
#include "provider.h"

#include "codec/topic.h"

/* A topic in one line: kind, then what is there of device, scope, name, request, status, bag. */
static const char *describe(const wq_topic *t) {
  static const char *const kinds[] = {"other",   "telemetry", "event",    "report", "reported",  "get", "state",
                                      "desired", "done",      "command",  "answer", "next",      "job", "update",
                                      "updated", "error",     "register", "poll",   "registered"};
  static char text[1024];
  const struct {
    const char *name;
    wq_bytes part;
  } parts[] = {{"device", t->device}, {"scope", t->scope}, {"name", t->name}, {"request", t->request}, {"bag", t->bag}};
  int n = snprintf(text, sizeof text, "%s", kinds[t->kind]);
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (parts[i].part.len != 0)
      n += snprintf(text + n, sizeof text - (size_t)n, " %s=%.*s", parts[i].name, (int)parts[i].part.len,
                    (const char *)parts[i].part.data);
  if (t->status != 0) snprintf(text + n, sizeof text - (size_t)n, " status=%d", t->status);
  return text;
}

typedef struct row {
  uint8_t service;
  const char *topic, *means;
} row;

/* Topics from devices, to devices: as the services document them. */
static const row out[] = {
    {WQ_AWS, "$aws/things/dev/shadow/update", "report device=dev"},
    {WQ_AWS, "$aws/things/dev/shadow/name/cfg/update", "report device=dev name=cfg"},
    {WQ_AWS, "$aws/things/dev/shadow/get", "get device=dev"},
    {WQ_AWS, "$aws/things/dev/shadow/name/cfg/get", "get device=dev name=cfg"},
    {WQ_AWS, "$aws/things/dev/jobs/start-next", "next device=dev"},
    {WQ_AWS, "$aws/things/dev/jobs/j-1/update", "update device=dev request=j-1"},
    {WQ_AWS, "p/dev/telemetry", "telemetry device=dev scope=p"},
    {WQ_AWS, "p/dev/events/alarm", "event device=dev scope=p name=alarm"},
    {WQ_AWS, "p/dev/responses/blink/7", "answer device=dev scope=p name=blink request=7"},
    {WQ_AWS, "p/dev/responses/blink", "answer device=dev scope=p name=blink"},
    {WQ_AZURE_IOT_HUB, "devices/dev/messages/events/", "telemetry device=dev"},
    {WQ_AZURE_IOT_HUB, "devices/dev/messages/events/a=1&b=2", "telemetry device=dev bag=a=1&b=2"},
    {WQ_AZURE_IOT_HUB, "$iothub/methods/res/200/?$rid=7", "answer request=7 bag=$rid=7 status=200"},
    {WQ_AZURE_IOT_HUB, "$iothub/twin/GET/?$rid=1", "get request=1 bag=$rid=1"},
    {WQ_AZURE_IOT_HUB, "$iothub/twin/PATCH/properties/reported/?$rid=a", "report request=a bag=$rid=a"},
    {WQ_AZURE_IOT_HUB, "$dps/registrations/PUT/iotdps-register/?$rid=1", "register request=1 bag=$rid=1"},
    {WQ_AZURE_EVENT_GRID, "p/dev/state", "report device=dev scope=p"},
    {WQ_CLEARBLADE, "/devices/dev/events", "telemetry device=dev"},
    {WQ_CLEARBLADE, "/devices/dev/events/a/b", "event device=dev name=a/b"},
    {WQ_CLEARBLADE, "/devices/dev/events/responses/blink", "answer device=dev name=blink"},
    {WQ_CLEARBLADE, "/devices/dev/state", "report device=dev"},
    {WQ_ALIBABA, "/sys/p/dev/thing/event/property/post", "telemetry device=dev scope=p"},
    {WQ_ALIBABA, "/sys/p/dev/thing/event/alarm/post", "event device=dev scope=p name=alarm"},
    {WQ_ALIBABA, "/sys/p/dev/thing/service/blink_reply", "answer device=dev scope=p name=blink"},
    {WQ_ALIBABA, "/sys/p/dev/thing/service/property/set_reply", "done device=dev scope=p"},
    {WQ_ALIBABA, "/sys/p/dev/rrpc/response/99", "answer device=dev scope=p request=99"},
    {WQ_ALIBABA, "/shadow/update/p/dev", "get device=dev scope=p"},
    {WQ_SCALEWAY, "$SCW/twins/me/doc/patch", "report name=doc"},
    {WQ_SCALEWAY, "$SCW/twins/me/doc/get", "get name=doc"},
    {WQ_SCALEWAY, "p/dev/telemetry", "telemetry device=dev scope=p"},
    {WQ_CUMULOCITY, "s/us", "telemetry"},
    {WQ_CUMULOCITY, "s/us/child", "telemetry scope=child"},
    {WQ_CUMULOCITY, "s/ucr", "register"},
    {WQ_BROKER, "p/dev/telemetry", "telemetry device=dev scope=p"},
    {WQ_BROKER, "p/dev/events", "event device=dev scope=p"},
};

static const row in[] = {
    {WQ_AWS, "$aws/things/dev/shadow/update/accepted", "reported device=dev status=200"},
    {WQ_AWS, "$aws/things/dev/shadow/update/rejected", "reported device=dev status=400"},
    {WQ_AWS, "$aws/things/dev/shadow/get/accepted", "state device=dev status=200"},
    {WQ_AWS, "$aws/things/dev/shadow/get/rejected", "state device=dev status=400"},
    {WQ_AWS, "$aws/things/dev/shadow/name/cfg/get/accepted", "state device=dev name=cfg status=200"},
    {WQ_AWS, "$aws/things/dev/shadow/update/delta", "desired device=dev"},
    {WQ_AWS, "$aws/things/dev/shadow/name/cfg/update/delta", "desired device=dev name=cfg"},
    {WQ_AWS, "$aws/things/dev/jobs/notify-next", "job device=dev"},
    {WQ_AWS, "$aws/things/dev/jobs/j-1/update/accepted", "updated device=dev request=j-1 status=200"},
    {WQ_AWS, "$aws/things/dev/jobs/j-1/update/rejected", "updated device=dev request=j-1 status=400"},
    {WQ_AWS, "p/dev/commands/blink", "command device=dev scope=p name=blink"},
    {WQ_AWS, "p/dev/commands/blink/7", "command device=dev scope=p name=blink request=7"},
    {WQ_AZURE_IOT_HUB, "devices/dev/messages/devicebound/a=1", "command device=dev bag=a=1"},
    {WQ_AZURE_IOT_HUB, "$iothub/methods/POST/blink/?$rid=7", "command name=blink request=7 bag=$rid=7"},
    {WQ_AZURE_IOT_HUB, "$iothub/twin/res/200/?$rid=1", "state request=1 bag=$rid=1 status=200"},
    {WQ_AZURE_IOT_HUB, "$iothub/twin/res/204/?$rid=2&$version=8", "state request=2 bag=$rid=2&$version=8 status=204"},
    {WQ_AZURE_IOT_HUB, "$iothub/twin/PATCH/properties/desired/?$version=9", "desired bag=$version=9"},
    {WQ_AZURE_IOT_HUB, "$dps/registrations/res/202/?$rid=1&retry-after=3",
     "registered request=1 bag=$rid=1&retry-after=3 status=202"},
    {WQ_CLEARBLADE, "/devices/dev/config", "desired device=dev"},
    {WQ_CLEARBLADE, "/devices/dev/commands", "command device=dev"},
    {WQ_CLEARBLADE, "/devices/dev/commands/a/b", "command device=dev name=a/b"},
    {WQ_ALIBABA, "/sys/p/dev/thing/service/property/set", "desired device=dev scope=p"},
    {WQ_ALIBABA, "/sys/p/dev/thing/service/blink", "command device=dev scope=p name=blink"},
    {WQ_ALIBABA, "/sys/p/dev/rrpc/request/99", "command device=dev scope=p request=99"},
    {WQ_ALIBABA, "/sys/p/dev/thing/event/property/post_reply", "reported device=dev scope=p"},
    {WQ_ALIBABA, "/shadow/get/p/dev", "state device=dev scope=p"},
    {WQ_ALIBABA, "/ext/error/p/dev", "error device=dev scope=p"},
    {WQ_ALIBABA, "/ext/register", "registered"},
    {WQ_SCALEWAY, "$SCW/twins/me/doc/get/response/success", "state name=doc status=200"},
    {WQ_SCALEWAY, "$SCW/twins/me/doc/patch/response/error", "reported name=doc status=400"},
    {WQ_CUMULOCITY, "s/ds", "command"},
    {WQ_CUMULOCITY, "s/e", "error"},
    {WQ_CUMULOCITY, "s/dcr", "registered"},
    {WQ_CUMULOCITY, "s/dt", "other"},
    {WQ_BROKER, "p/dev/desired", "desired device=dev scope=p"},
};

static guard input, output;

static wq_bytes guarded(const char *text) {
  return (wq_bytes){guard_put(input, text, strlen(text)), (uint32_t)strlen(text)};
}

static wq_seat seat_of(uint8_t service, bool device) {
  const bool scoped = service != WQ_AZURE_IOT_HUB && service != WQ_CLEARBLADE && service != WQ_CUMULOCITY;
  return (wq_seat){service, text_bytes(device ? "dev" : ""), text_bytes(scoped ? "p" : "")};
}

/* Read, and built again from its parts: into rooms that are too small, and one that is just large enough. */
static void both_ways(const row *r, bool outward) {
  const wq_seat seat = seat_of(r->service, !outward);
  const uint32_t length = (uint32_t)strlen(r->topic);
  wq_topic parts;
  if (!CHECK_INT(wq_topic_read(&seat, guarded(r->topic), &parts), 0)) printf("  %s\n", r->topic);
  CHECK_TEXT(describe(&parts), r->means);
  if (parts.kind == WQ_TOPIC_OTHER) return;
  static const char rid[] = "$rid="; /* a request is taken from the bag, and is put there: the rest stays */
  if (parts.request.len != 0 && parts.bag.len != 0 && memcmp(parts.bag.data, rid, sizeof rid - 1) == 0) {
    uint32_t used = (uint32_t)sizeof rid - 1 + parts.request.len;
    used += used < parts.bag.len;
    parts.bag = (wq_bytes){parts.bag.data + used, parts.bag.len - used};
  }
  for (uint32_t room = 0; room < length; room++)
    CHECK_INT(wq_topic_build(&seat, &parts, guard_room(output, room), room), WQ_TOPIC_E_ROOM);
  uint8_t *built = guard_room(output, length);
  CHECK_INT(wq_topic_build(&seat, &parts, built, length), length);
  CHECK_BYTES(built, length, (const uint8_t *)r->topic, length);
}

static void from_devices(void) {
  for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
    both_ways(&out[i], true);
}

static void to_devices(void) {
  for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
    both_ways(&in[i], false);
}

/* ------------------------------------------------------------------------------------------------ building */

static const char *built(uint8_t service, const char *device, const char *scope, const wq_topic *parts) {
  static char text[512];
  const wq_seat seat = {service, text_bytes(device), text_bytes(scope)};
  int32_t n = wq_topic_build(&seat, parts, (uint8_t *)text, sizeof text - 1);
  if (n < 0) return n == WQ_TOPIC_E_KIND ? "no topic" : n == WQ_TOPIC_E_PART ? "bad part" : "no room";
  text[n] = 0;
  return text;
}

static void building(void) {
  const wq_bytes x = text_bytes("x");
  wq_topic t = {.kind = WQ_TOPIC_TELEMETRY};
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "dev", "mod", &t), "devices/dev/modules/mod/messages/events/");
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "dev-1.%_*?!(),:=@$'", "", &t), "devices/dev-1.%_*?!(),:=@$'/messages/events/");
  CHECK_TEXT(built(WQ_BROKER, "dev", "plant/7", &t), "plant/7/dev/telemetry");
  CHECK_TEXT(built(WQ_CUMULOCITY, "dev", "child", &t), "s/us/child");
  CHECK_TEXT(built(WQ_BROKER, "", "devices", &t), "no topic");
  CHECK_TEXT(built(WQ_BROKER, "dev", "", &t), "no topic");
  CHECK_TEXT(built(WQ_SERVICES, "dev", "p", &t), "no topic");
  t.device = text_bytes("other"); /* an operator's */
  CHECK_TEXT(built(WQ_BROKER, "", "p", &t), "p/other/telemetry");
  CHECK_TEXT(built(WQ_BROKER, "dev", "p", &t), "p/other/telemetry");
  t = (wq_topic){.kind = WQ_TOPIC_REPORT, .request = text_bytes("8"), .bag = text_bytes("$version=5")};
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "dev", "", &t), "$iothub/twin/PATCH/properties/reported/?$rid=8&$version=5");
  t = (wq_topic){.kind = WQ_TOPIC_REGISTER_POLL, .request = text_bytes("2"), .bag = text_bytes("operationId=4.d0a")};
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "dev", "", &t),
             "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.d0a");
  t = (wq_topic){.kind = WQ_TOPIC_ANSWER, .request = x, .name = x};
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "dev", "", &t), "no topic"); /* it wants a status */
  t = (wq_topic){.kind = WQ_TOPIC_COMMAND, .name = x};
  CHECK_TEXT(built(WQ_BROKER, "dev", "p", &t), "p/dev/commands/x");
  t.request = text_bytes("1");
  CHECK_TEXT(built(WQ_BROKER, "dev", "p", &t), "p/dev/commands/x/1");
  t = (wq_topic){.kind = WQ_TOPIC_JOB_NEXT};
  CHECK_TEXT(built(WQ_CLEARBLADE, "dev", "", &t), "no topic");
}

/* A part cannot hold what would make it another topic. */
static void bad_parts(void) {
  static const char *const bad[] = {"a/b", "+", "a#", "#", "/"};
  wq_topic t = {.kind = WQ_TOPIC_TELEMETRY};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    CHECK_TEXT(built(WQ_BROKER, bad[i], "p", &t), "bad part");
    CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "d", bad[i], &t), "bad part");
    const wq_topic command = {.kind = WQ_TOPIC_COMMAND, .name = text_bytes(bad[i])};
    CHECK_TEXT(built(WQ_BROKER, "d", "p", &command), "bad part");
    const wq_topic answer = {.kind = WQ_TOPIC_ANSWER, .request = text_bytes(bad[i]), .status = 200};
    CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "d", "", &answer), "bad part");
    const wq_topic bag = {.kind = WQ_TOPIC_TELEMETRY, .bag = text_bytes(bad[i])};
    CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "d", "", &bag), "bad part");
  }
  CHECK_TEXT(built(WQ_BROKER, "d", "p/+", &t), "bad part");
  const wq_topic rest = {.kind = WQ_TOPIC_EVENT, .name = text_bytes("a/#")};
  CHECK_TEXT(built(WQ_CLEARBLADE, "d", "", &rest), "bad part");
  const wq_topic forged = {.kind = WQ_TOPIC_ANSWER, .request = text_bytes("7&$version=1"), .status = 200};
  CHECK_TEXT(built(WQ_AZURE_IOT_HUB, "d", "", &forged), "bad part");
  t.device = (wq_bytes){(const uint8_t *)"a\0b", 3};
  CHECK_TEXT(built(WQ_BROKER, "", "p", &t), "bad part");
  t.device = text_bytes("\xC3");
  CHECK_TEXT(built(WQ_BROKER, "", "p", &t), "bad part");
}

/* ------------------------------------------------------------------------------------------------ reading */

static int reads(const wq_seat *seat, const char *topic, wq_topic *t) { return wq_topic_read(seat, guarded(topic), t); }

static void not_ours(void) {
  static const struct {
    uint8_t service;
    const char *topic;
  } foreign[] = {
      {WQ_BROKER, "p/other/commands/x"},
      {WQ_BROKER, "q/dev/commands/x"},
      {WQ_BROKER, "p/dev/commands"},
      {WQ_BROKER, "p/dev/commands/"},
      {WQ_BROKER, "p/dev/commands/a/b/c"},
      {WQ_BROKER, "p/dev2/commands/x"},
      {WQ_BROKER, "p/dev/telemetry"}, /* from devices */
      {WQ_BROKER, ""},
      {WQ_BROKER, "p"},
      {WQ_AZURE_IOT_HUB, "devices/dev2/messages/devicebound/"},
      {WQ_AZURE_IOT_HUB, "$iothub/methods/POST//?$rid=7"},
      {WQ_AZURE_IOT_HUB, "$iothub/twin/res/2x0/?$rid=7"},
      {WQ_AZURE_IOT_HUB, "$iothub/twin/res/2000/?$rid=7"},
      {WQ_AZURE_IOT_HUB, "$iothub/twin/res//?$rid=7"},
      {WQ_AWS, "$aws/things/dev/shadow/get/acceptedx"},
      {WQ_AWS, "$aws/things/other/shadow/get/accepted"},
      {WQ_ALIBABA, "/sys/p/dev/thing/service/"},
      {WQ_SERVICES, "p/dev/commands/x"},
  };
  wq_topic t;
  for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
    const wq_seat seat = foreign[i].service == WQ_SERVICES ? (wq_seat){WQ_SERVICES, text_bytes("dev"), text_bytes("p")}
                                                           : seat_of(foreign[i].service, true);
    if (!CHECK_INT(reads(&seat, foreign[i].topic, &t), WQ_TOPIC_E_KIND)) printf("  %s\n", foreign[i].topic);
    CHECK(t.kind == 0 && t.device.len == 0);
  }
}

static void operators(void) {
  wq_topic t;
  wq_seat seat = {WQ_BROKER, {NULL, 0}, text_bytes("plant/7")};
  CHECK_INT(reads(&seat, "plant/7/dev-9/telemetry", &t), 0);
  CHECK_TEXT(describe(&t), "telemetry device=dev-9 scope=plant/7");
  CHECK_INT(reads(&seat, "plant/8/dev-9/telemetry", &t), WQ_TOPIC_E_KIND);
  seat.scope = text_bytes("");
  CHECK_INT(reads(&seat, "any/dev-9/telemetry", &t), 0);
  CHECK_TEXT(describe(&t), "telemetry device=dev-9 scope=any");
}

/* Forms that are read, but not built. */
static void other_forms(void) {
  static const row forms[] = {
      {WQ_AWS, "$aws/things/dev/jobs/start-next/accepted", "job device=dev status=200"},
      {WQ_AWS, "$aws/things/dev/jobs/notify", "job device=dev"},
      {WQ_ALIBABA, "/sys/p/dev/thing/event/alarm/post_reply", "reported device=dev scope=p name=alarm"},
      {WQ_AZURE_IOT_HUB, "devices/dev/messages/devicebound/?a=1", "command device=dev bag=a=1"},
  };
  wq_topic t;
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    const wq_seat seat = seat_of(forms[i].service, true);
    CHECK_INT(reads(&seat, forms[i].topic, &t), 0);
    CHECK_TEXT(describe(&t), forms[i].means);
  }
}

/* $rid is the property of that name, and no end of another. */
static void request_ids(void) {
  const wq_seat seat = seat_of(WQ_AZURE_IOT_HUB, true);
  wq_topic t;
  CHECK_INT(reads(&seat, "$iothub/twin/res/200/?$version=4&$rid=ab", &t), 0);
  CHECK_TEXT(describe(&t), "state request=ab bag=$version=4&$rid=ab status=200");
  CHECK_INT(reads(&seat, "$iothub/twin/res/200/?x$rid=ab", &t), 0);
  CHECK_INT(t.request.len, 0);
  CHECK_INT(reads(&seat, "$iothub/twin/res/200/", &t), 0);
  CHECK_INT(t.request.len + t.bag.len, 0);
}

/* ------------------------------------------------------------------------------------------------ filters */

static const char *filters(uint8_t service, const char *device, const char *scope, uint32_t kinds) {
  static char text[1024];
  const wq_seat seat = {service, text_bytes(device), text_bytes(scope)};
  uint8_t filter[128];
  int n = 0;
  text[0] = 0;
  for (uint32_t i = 0;; i++) {
    int32_t length = wq_topic_filter(&seat, kinds, i, filter, sizeof filter);
    if (length < 0) return "error";
    if (length == 0) return text;
    CHECK(wq_topic_filter_valid((wq_bytes){filter, (uint32_t)length}));
    n += snprintf(text + n, sizeof text - (size_t)n, "%s%.*s", n != 0 ? " " : "", (int)length, (const char *)filter);
  }
}

static void filters_of_devices(void) {
  const uint32_t all = ~WQ_TOPIC_BIT(WQ_TOPIC_REGISTERED);
  CHECK_TEXT(filters(WQ_AWS, "dev", "devices", all),
             "$aws/things/dev/shadow/update/accepted $aws/things/dev/shadow/update/rejected "
             "$aws/things/dev/shadow/get/accepted $aws/things/dev/shadow/get/rejected "
             "$aws/things/dev/shadow/update/delta $aws/things/dev/jobs/notify-next "
             "devices/dev/commands/+/+ devices/dev/commands/+");
  CHECK_TEXT(filters(WQ_AZURE_IOT_HUB, "dev", "", all),
             "$iothub/methods/POST/# devices/dev/messages/devicebound/# $iothub/twin/res/# "
             "$iothub/twin/PATCH/properties/desired/#");
  CHECK_TEXT(filters(WQ_AZURE_IOT_HUB, "dev", "mod", all),
             "$iothub/methods/POST/# devices/dev/modules/mod/# $iothub/twin/res/# "
             "$iothub/twin/PATCH/properties/desired/#");
  CHECK_TEXT(filters(WQ_AZURE_IOT_HUB, "dev", "", ~all), "$dps/registrations/res/#");
  CHECK_TEXT(filters(WQ_CLEARBLADE, "dev", "", all), "/devices/dev/config /devices/dev/commands/#");
  CHECK_TEXT(filters(WQ_ALIBABA, "dn", "pk", WQ_TOPIC_BIT(WQ_TOPIC_COMMAND) | WQ_TOPIC_BIT(WQ_TOPIC_REPORTED)),
             "/sys/pk/dn/thing/event/property/post_reply /sys/pk/dn/thing/event/+/post_reply "
             "/sys/pk/dn/thing/service/+ /sys/pk/dn/rrpc/request/+");
  CHECK_TEXT(filters(WQ_SCALEWAY, "dev", "devices", WQ_TOPIC_BIT(WQ_TOPIC_STATE)), "$SCW/twins/me/#");
  CHECK_TEXT(filters(WQ_CUMULOCITY, "dev", "", all), "s/ds s/e");
  CHECK_TEXT(filters(WQ_CUMULOCITY, "dev", "", ~all), "s/dcr");
  CHECK_TEXT(filters(WQ_BROKER, "dev", "a/b", all), "a/b/dev/commands/+/+ a/b/dev/commands/+ a/b/dev/desired");
  CHECK_TEXT(filters(WQ_BROKER, "dev", "", all), "");
  CHECK_TEXT(filters(WQ_SERVICES, "dev", "p", all), "");
  CHECK_TEXT(filters(WQ_BROKER, "a+", "p", all), "error");
  CHECK_TEXT(filters(WQ_BROKER, "a/b", "p", all), "error");
  CHECK_TEXT(filters(WQ_BROKER, "a", "#", all), "error");
}

static void filters_of_operators(void) {
  CHECK_TEXT(filters(WQ_BROKER, "", "p", ~0u),
             "p/+/telemetry p/+/events/+ p/+/events p/+/responses/+/+ p/+/responses/+ p/+/state");
  CHECK_TEXT(filters(WQ_AWS, "", "p", WQ_TOPIC_BIT(WQ_TOPIC_TELEMETRY)), "p/+/telemetry");
  uint8_t small[8];
  const wq_seat seat = {WQ_BROKER, {NULL, 0}, text_bytes("p")};
  CHECK_INT(wq_topic_filter(&seat, ~0u, 0, small, sizeof small), WQ_TOPIC_E_ROOM);
  uint8_t large[128];
  const wq_seat shared = {WQ_BROKER, text_bytes("d"), text_bytes("$share/")};
  CHECK_INT(wq_topic_filter(&shared, ~0u, 0, large, sizeof large), WQ_TOPIC_E_PART);
}

/* What comes through a filter is a topic that can be read: each of `in` that has a filter. */
static void filters_cover(void) {
  uint32_t covered = 0;
  for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
    const wq_seat seat = seat_of(in[i].service, true);
    uint8_t filter[256];
    int32_t length;
    for (uint32_t k = 0; (length = wq_topic_filter(&seat, ~0u, k, filter, sizeof filter)) > 0; k++)
      if (wq_topic_matches((wq_bytes){filter, (uint32_t)length}, text_bytes(in[i].topic))) {
        covered++;
        break;
      }
  }
  CHECK_INT(covered, sizeof in / sizeof in[0] - 6); /* named shadows, answers of jobs, /ext/register, s/dt */
}

/* ------------------------------------------------------------------------------------------------ property bags */

static void bag_writing(void) {
  static const struct {
    const char *name, *value;
  } properties[] = {{"$.mid", "m 1"},  {"$.cid", "c/2"},    {"$.ct", "application/json"},
                    {"$.ce", "utf-8"}, {"prop 1", "a&b=c"}, {"level", "stor\xC3\xA9"}};
  uint8_t bag[256];
  uint32_t length = 0;
  for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
    CHECK_INT(wq_bag_write(bag, sizeof bag, &length, text_bytes(properties[i].name), text_bytes(properties[i].value)),
              0);
  const wq_topic t = {.kind = WQ_TOPIC_TELEMETRY, .bag = {bag, length}};
  CHECK_TEXT(
      built(WQ_AZURE_IOT_HUB, "MyDevice01", "", &t),
      "devices/MyDevice01/messages/events/%24.mid=m%201&%24.cid=c%2F2&%24.ct=application%2Fjson&%24.ce=utf-8&prop%"
      "201=a%26b%3Dc&level=stor%C3%A9");
  length = 0;
  CHECK_INT(wq_bag_write(bag, 3, &length, text_bytes("a"), text_bytes("b")), 0);
  CHECK_INT(length, 3);
  for (uint32_t room = 3; room < 9; room++) {
    CHECK_INT(wq_bag_write(bag, room, &length, text_bytes("#"), text_bytes("b")), WQ_TOPIC_E_ROOM);
    CHECK_INT(length, 3);
  }
  CHECK_INT(wq_bag_write(bag, 9, &length, text_bytes("#"), text_bytes("b")), 0);
  CHECK_BYTES(bag, length, (const uint8_t *)"a=b&%23=b", 9);
  length = 0;
  wq_bag_write(bag, 9, &length, text_bytes("n"), (wq_bytes){NULL, 0});
  wq_bag_write(bag, 9, &length, text_bytes("e"), text_bytes(""));
  CHECK_BYTES(bag, length, (const uint8_t *)"n&e=", 4);
}

/* "name=value;name=value", decoded; a name alone without = */
static const char *bag_text(const char *text) {
  static char all[512];
  wq_bytes bag = guarded(text), name, value;
  uint8_t room[256];
  int result, n = 0;
  all[0] = 0;
  while ((result = wq_bag_read(&bag, room, sizeof room, &name, &value)) == 1)
    n += snprintf(all + n, sizeof all - (size_t)n, "%.*s%s%.*s;", (int)name.len, (const char *)name.data,
                  value.data != NULL ? "=" : "", (int)value.len, value.data != NULL ? (const char *)value.data : "");
  return result == 0 ? all : result == WQ_TOPIC_E_BAG ? "bad bag" : "no room";
}

static void bag_reading(void) {
  const wq_seat seat = {WQ_AZURE_IOT_HUB, text_bytes("TestDevice01"), {NULL, 0}};
  wq_topic t;
  CHECK_INT(
      reads(&seat,
            "devices/TestDevice01/messages/devicebound/%24.mid=7493c5cc-d783-4ecd-8129-d3c87590b544&%24.to=%2Fdevices"
            "%2FTestDevice01%2Fmessages%2FdeviceBound&iothub-ack=full",
            &t),
      0);
  char text[300];
  snprintf(text, sizeof text, "%.*s", (int)t.bag.len, (const char *)t.bag.data);
  CHECK_TEXT(bag_text(text),
             "$.mid=7493c5cc-d783-4ecd-8129-d3c87590b544;$.to=/devices/TestDevice01/messages/deviceBound;"
             "iothub-ack=full;");
  CHECK_INT(reads(&seat, "devices/TestDevice01/messages/devicebound/?prop1&prop2=&prop3=a%20string", &t), 0);
  snprintf(text, sizeof text, "%.*s", (int)t.bag.len, (const char *)t.bag.data);
  CHECK_TEXT(bag_text(text), "prop1;prop2=;prop3=a string;");
  CHECK_TEXT(bag_text(""), "");
  CHECK_TEXT(bag_text("a=b=c"), "a=b=c;");
  CHECK_TEXT(bag_text("a=1&"), "a=1;");
  CHECK_TEXT(bag_text("$.ct=application%2fjson%3bcharset%3Dutf-8"), "$.ct=application/json;charset=utf-8;");
  CHECK_TEXT(bag_text("a+b=1+2"), "a+b=1+2;");
  static const char *const bad[] = {"a=%", "a=%2", "a=%2g", "a=%g2", "%zz=1", "a=%G0", "a=%-1", "a=% 1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK_TEXT(bag_text(bad[i]), "bad bag");
  wq_bytes bag = text_bytes("abc=def"), name, value;
  uint8_t room[5];
  CHECK_INT(wq_bag_read(&bag, room, sizeof room, &name, &value), WQ_TOPIC_E_ROOM);
  CHECK_INT(bag.len, 7);
}

int main(void) {
  input = guard_make(4096);
  output = guard_make(4096);
  check_case("topics from devices, read and built again", from_devices);
  check_case("topics to devices, read and built again", to_devices);
  check_case("topics: built of the seat's and one's own parts", building);
  check_case("topics: a part that would make it another topic is refused", bad_parts);
  check_case("topics: what is not ours is not read", not_ours);
  check_case("topics: an operator reads every device's", operators);
  check_case("topics: forms that are read, but not built", other_forms);
  check_case("topics: the request's id in a property bag", request_ids);
  check_case("filters of devices", filters_of_devices);
  check_case("filters of operators", filters_of_operators);
  check_case("filters let come what can be read", filters_cover);
  check_case("property bags: written as Azure's SDK does", bag_writing);
  check_case("property bags: read as Azure sends them", bag_reading);
  return check_close();
}
