/* SPDX-License-Identifier: MIT
 * Rules: for each row of each service's table something that breaks it and something that just does not; in words; changed
 * by the host; and the pace. */
#include "provider.h"

static wq_rules rules;
static wq_finding findings[WQ_FINDINGS_MAX];
static uint32_t found_n;
static bool broken[WQ_SERVICES][WQ_RULES]; /* by some case */

static const uint8_t payload[1] = {0};

static void use(uint32_t service, const char *device, const char *scope) {
  const wq_seat seat = {service, text_bytes(device), text_bytes(scope)};
  wq_rules_init(&rules, &seat, NULL, 0);
}

static const wq_finding *finding(uint8_t rule) {
  for (uint32_t i = 0; i < found_n; i++)
    if (findings[i].rule == rule) return &findings[i];
  return NULL;
}

/* The last check found that rule, and it alone, with that action and value. */
static void only(uint8_t rule, uint8_t action, uint32_t value) {
  if (!CHECK_INT(found_n, 1)) return;
  CHECK_INT(findings[0].rule, rule);
  CHECK_INT(findings[0].action, action);
  CHECK_INT(findings[0].value, value);
  broken[rules.seat.service][rule] = true;
}

static void none(void) {
  if (!CHECK_INT(found_n, 0)) printf("  rule %d of %s\n", findings[0].rule, wq_service_at(rules.seat.service)->name);
}

static void connecting(const wq_connect_args *args) { found_n = wq_check_connect(&rules, args, findings); }

static void publishing(const char *topic, uint32_t length, uint8_t qos, bool retain) {
  const wq_publish_args args = {.size = sizeof args,
                                .topic = text_bytes(topic),
                                .payload = {payload, length}, /* its length alone is looked at */
                                .qos = qos,
                                .retain = retain};
  found_n = wq_check_publish(&rules, &args, WQ_MQTT_3_1_1, findings);
}

static void subscribing(const char *filter, uint8_t qos, uint32_t count, uint32_t active) {
  wq_subscription many[64];
  for (uint32_t i = 0; i < count; i++)
    many[i] = (wq_subscription){.filter = text_bytes(filter), .qos = qos};
  found_n = wq_check_subscribe(&rules, many, count, (wq_bytes){NULL, 0}, active, findings);
}

static wq_connect_args good(void) {
  return (wq_connect_args){.size = sizeof(wq_connect_args),
                           .version = rules.number[WQ_RULE_VERSION] & WQ_VERSION_BIT(WQ_MQTT_3_1_1) ? WQ_MQTT_3_1_1
                                                                                                    : WQ_MQTT_5_0,
                           .clean = true,
                           .keep_alive = 60,
                           .client_id = text_bytes("id")};
}

static void keep_alive(uint16_t seconds) {
  wq_connect_args args = good();
  args.keep_alive = seconds;
  connecting(&args);
}

static void clean(bool set) {
  wq_connect_args args = good();
  args.clean = set;
  connecting(&args);
}

static void will(const char *topic, uint8_t qos, bool retain) {
  wq_connect_args args = good();
  args.has_will = true;
  args.will_topic = text_bytes(topic);
  args.will_qos = qos;
  args.will_retain = retain;
  connecting(&args);
}

static void version(uint8_t version) {
  wq_connect_args args = good();
  args.version = version;
  connecting(&args);
}

static void client_id(const char *id, uint32_t length) {
  wq_connect_args args = good();
  args.client_id = (wq_bytes){(const uint8_t *)id, length};
  connecting(&args);
}

static char text[700];

/* n times the character, then the rest */
static const char *repeat(char c, int n, const char *rest) {
  memset(text, c, (size_t)n);
  snprintf(text + n, sizeof text - (size_t)n, "%s", rest);
  return text;
}

/* What holds at several services, at its edges. */
static void qos(const char *topic, uint8_t publish) {
  publishing(topic, 0, 1, false), none();
  publishing(topic, 0, 2, false), only(WQ_RULE_QOS, publish, 1);
}

static void keep_alives(uint16_t least, uint16_t most) {
  if (least != 0) {
    keep_alive(least), none();
    keep_alive((uint16_t)(least - 1)), only(WQ_RULE_KEEP_ALIVE_MIN, WQ_ACTION_ADJUST, least);
  }
  keep_alive(most), none();
  keep_alive((uint16_t)(most + 1)), only(WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, most);
  keep_alive(0), only(WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, most);
}

static void payloads(const char *topic, uint8_t rule, uint32_t most) {
  publishing(topic, most, 0, false), none();
  publishing(topic, most + 1, 0, false), only(rule, WQ_ACTION_REFUSE, most);
}

/* the largest payload in the largest packet */
static void packet_edge(const char *topic, uint8_t qos_used, uint32_t most, uint32_t fits) {
  publishing(topic, fits, qos_used, false), none();
  publishing(topic, fits + 1, qos_used, false), only(WQ_RULE_PACKET_BYTES, WQ_ACTION_REFUSE, most);
}

/* ------------------------------------------------------------------------------------------------ services */

static void aws(void) {
  use(WQ_AWS, "dev", "devices");
  qos("a", WQ_ACTION_REFUSE);
  publishing("a", 0, 0, true), none();
  publishing("$aws/things/dev/shadow/update", 0, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_REFUSE, 1);
  payloads("a", WQ_RULE_PAYLOAD_BYTES, 131072);
  keep_alives(30, 1200);
  will("a", 1, true), none();
  will("a", 2, true), only(WQ_RULE_QOS, WQ_ACTION_REFUSE, 1);
  version(WQ_MQTT_5_0), none();
  version(WQ_MQTT_3_1), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x30);
  client_id(repeat('x', 128, ""), 128), none();
  client_id(repeat('x', 129, ""), 129), only(WQ_RULE_CLIENT_ID_BYTES, WQ_ACTION_REFUSE, 128);
  client_id("$x", 2), only(WQ_RULE_CLIENT_ID_FIRST, WQ_ACTION_REFUSE, '$');
  clean(false), none();

  publishing(repeat('t', 256, ""), 0, 0, false), none();
  publishing(repeat('t', 257, ""), 0, 0, false), only(WQ_RULE_TOPIC_BYTES, WQ_ACTION_REFUSE, 256);
  publishing("1/2/3/4/5/6/7/8", 0, 0, false), none();
  publishing("1/2/3/4/5/6/7/8/9", 0, 0, false), only(WQ_RULE_TOPIC_SLASHES, WQ_ACTION_REFUSE, 7);
  publishing("$aws/rules/r/1/2/3/4/5/6/7/8", 0, 0, false), none();
  publishing("$aws/things/other/shadow/update", 0, 0, false), none(); /* as the policy allows */
  publishing("$aws/things/dev/shadow/updat", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 1);
  publishing("$aws/things/dev/shadow/update/delta", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 1);

  subscribing("a", 1, 8, 42), none();
  subscribing("a", 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 1);
  subscribing("a/+", 0, 1, 0), only(WQ_RULE_WILDCARD_RETAINED, WQ_ACTION_WARN, 0);
  subscribing("a", 0, 9, 0), only(WQ_RULE_FILTERS_AT_ONCE, WQ_ACTION_ADJUST, 8);
  subscribing("a", 0, 8, 43), only(WQ_RULE_FILTERS, WQ_ACTION_REFUSE, 50);
  subscribing(repeat('t', 257, ""), 0, 1, 0), only(WQ_RULE_TOPIC_BYTES, WQ_ACTION_REFUSE, 256);
  subscribing("$share/g/1/2/3/4/5/6/7/8", 0, 1, 0), none();
  subscribing("$share/g/1/2/3/4/5/6/7/8/9", 0, 1, 0), only(WQ_RULE_TOPIC_SLASHES, WQ_ACTION_REFUSE, 7);
  CHECK_INT(rules.number[WQ_RULE_INFLIGHT], 100);
  CHECK_INT(rules.number[WQ_RULE_PUBLISH_RATE], 100);
  CHECK_INT(rules.number[WQ_RULE_CONNECT_RATE], 1);
}

static void azure_iot_hub(void) {
  static const char topic[] = "devices/dev/messages/events/a=1";
  use(WQ_AZURE_IOT_HUB, "dev", "");
  qos(topic, WQ_ACTION_REFUSE);
  publishing(topic, 0, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_WARN, 0);
  payloads(topic, WQ_RULE_PAYLOAD_BYTES, 262144);
  keep_alives(0, 1177);
  will("devices/dev/messages/events/", 1, false), none();
  will("dev/status", 1, false), only(WQ_RULE_WILL_TOPIC, WQ_ACTION_REFUSE, 0);
  will("$iothub/twin/GET/?$rid=1", 1, false), only(WQ_RULE_WILL_TOPIC, WQ_ACTION_REFUSE, 0);
  version(WQ_MQTT_5_0), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x10);
  client_id(repeat('x', 257, ""), 257), none();
  client_id(repeat('x', 258, ""), 258), only(WQ_RULE_CLIENT_ID_BYTES, WQ_ACTION_WARN, 257);
  publishing("devices/other/messages/events/", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  publishing("devices/dev/messages/events", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  publishing("$iothub/methods/res/200/?$rid=7", 0, 0, false), none();
  publishing("a/b", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  static const char *const filters[] = {"devices/dev/messages/devicebound/#", "$iothub/methods/POST/#",
                                        "$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#",
                                        "$dps/registrations/res/#"};
  for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
    subscribing(filters[i], 1, 1, 4), none();
  subscribing("$iothub/methods/POST/+/#", 0, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing("devices/other/messages/devicebound/#", 0, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing(filters[0], 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 1);
  subscribing(filters[0], 0, 1, 5), only(WQ_RULE_FILTERS, WQ_ACTION_REFUSE, 5);
  use(WQ_AZURE_IOT_HUB, "dev", "mod");
  publishing("devices/dev/modules/mod/messages/events/", 0, 0, false), none();
  subscribing("devices/dev/modules/mod/#", 0, 1, 0), none();
}

static void azure_event_grid(void) {
  use(WQ_AZURE_EVENT_GRID, "dev", "devices");
  qos("a", WQ_ACTION_REFUSE);
  publishing("a", 65536, 0, true), none();
  publishing("a", 65537, 0, true), only(WQ_RULE_RETAIN_BYTES, WQ_ACTION_REFUSE, 65536);
  publishing("a", 65537, 0, false), none();
  packet_edge("a", 0, 524288, 524281);
  keep_alives(0, 1160);
  version(WQ_MQTT_3_1_1), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x20);
  wq_connect_args args = good();
  static const uint8_t user[] = {WQ_P_RECEIVE_MAXIMUM, 0, 9, WQ_P_USER_PROPERTY, 0, 1, 'a', 0, 1, 'b'};
  args.properties = (wq_bytes){user, 3};
  connecting(&args), none();
  args.properties.len = sizeof user;
  connecting(&args), only(WQ_RULE_CONNECT_PROPERTIES, WQ_ACTION_REFUSE, 0);
  subscribing("a/#", 1, 20, 100), none();
  subscribing("a/#", 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 1);
}

static void clearblade(void) {
  use(WQ_CLEARBLADE, "dev", "");
  qos("/devices/dev/events", WQ_ACTION_REFUSE);
  publishing("/devices/dev/events/a/b", 0, 1, false), none();
  publishing("/devices/dev/events", 0, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_WARN, 0);
  payloads("/devices/dev/events", WQ_RULE_PAYLOAD_BYTES, 262144);
  payloads("/devices/dev/state", WQ_RULE_STATE_BYTES, 65536);
  keep_alives(0, 1200);
  will("/devices/dev/state", 0, false), only(WQ_RULE_WILL, WQ_ACTION_WARN, 0);
  clean(true), none();
  clean(false), only(WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 1);
  version(WQ_MQTT_3_1), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x10);
  publishing("devices/dev/events", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  publishing("/devices/other/events", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  subscribing("/devices/dev/config", 1, 1, 0), none();
  subscribing("/devices/dev/commands/#", 1, 1, 0), none();
  subscribing("/devices/dev/commands/a", 1, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing("/devices/dev/config", 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 1);
  CHECK_INT(rules.number[WQ_RULE_PUBLISH_RATE], 100);
}

static void alibaba(void) {
  static const char topic[] = "/sys/pk/dn/thing/event/property/post";
  use(WQ_ALIBABA, "dn", "pk");
  qos(topic, WQ_ACTION_REFUSE);
  publishing(topic, 0, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_WARN, 0);
  payloads(topic, WQ_RULE_PAYLOAD_BYTES, 262144);
  keep_alives(30, 1200);
  will("/pk/dn/user/will", 0, false), only(WQ_RULE_WILL, WQ_ACTION_WARN, 0);
  clean(false), none();
  version(WQ_MQTT_3_1), none();
  publishing("/pk/dn/user/a", 0, 0, false), none();
  publishing("/pk/other/user/a", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_WARN, 0);
  publishing("/pk/dn/2/3/4/5/6/7", 0, 0, false), only(WQ_RULE_TOPIC_SLASHES, WQ_ACTION_WARN, 7);
  publishing("/pk/dn/2/3/4/5/6", 0, 0, false), none();
  char topic_text[200] = "/pk/dn/user/";
  publishing(strcat(topic_text, repeat('t', 116, "")), 0, 0, false), none();
  publishing(strcat(topic_text, "t"), 0, 0, false), only(WQ_RULE_TOPIC_BYTES, WQ_ACTION_WARN, 128);
  subscribing("/pk/dn/user/a", 1, 1, 99), none();
  subscribing("/pk/dn/user/a", 1, 1, 100), only(WQ_RULE_FILTERS, WQ_ACTION_WARN, 100);
  subscribing("/pk/dn/user/a", 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 1);
  CHECK_INT(rules.number[WQ_RULE_PUBLISH_RATE], 30);
}

static void scaleway(void) {
  form f = {.service = WQ_SCALEWAY};
  const wq_seat seat = {WQ_SCALEWAY, {NULL, 0}, {NULL, 0}};
  use(WQ_SCALEWAY, "dev", "devices"); /* the shared plan is the initial one */
  qos("a", WQ_ACTION_REFUSE);
  publishing("a", 0, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_REFUSE, 0);
  clean(false), only(WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 1);
  subscribing("a/#", 0, 1, 0), none();
  subscribing("a/#", 1, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 0);
  payloads("a", WQ_RULE_PAYLOAD_BYTES, 4194304);
  version(WQ_MQTT_5_0), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x10);
  fill(&f, "plan", "dedicated");
  wq_rules_init(&rules, &seat, f.values, WQ_FIELDS_MAX);
  publishing("a", 4194304, 2, true), none();
  clean(false), none();
  subscribing("a/#", 2, 1, 0), none();
  payloads("a", WQ_RULE_PAYLOAD_BYTES, 4194304);
  keep_alive(0), none();
}

static void cumulocity(void) {
  use(WQ_CUMULOCITY, "dev", "");
  publishing("s/us", 100, 2, false), none();
  publishing("s/us", 100, 0, true), only(WQ_RULE_RETAIN, WQ_ACTION_WARN, 0);
  packet_edge("s/us", 0, 16184, 16175);
  packet_edge("s/us", 1, 16184, 16173);
  will("s/us", 2, false), none();
  clean(false), only(WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 1);
  version(WQ_MQTT_3_1), none();
  version(WQ_MQTT_5_0), only(WQ_RULE_VERSION, WQ_ACTION_REFUSE, 0x18);
  publishing("s/us/child", 0, 0, false), none();
  publishing("t/uc/xid", 0, 0, false), none();
  publishing("measurement/measurements/create", 0, 0, false), none();
  publishing("s/xx", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  publishing("s/ds", 0, 0, false), only(WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0);
  subscribing("s/ds", 2, 1, 0), none();
  subscribing("s/e", 0, 1, 0), none();
  subscribing("s/us", 0, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing("s/dc/xid", 0, 1, 0), none();
  subscribing("s/dc/xid/x", 0, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing("s/dc/", 0, 1, 0), only(WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0);
  subscribing("s/#", 0, 1, 0);
  CHECK_INT(found_n, 2);
  CHECK(finding(WQ_RULE_FILTER) != NULL && finding(WQ_RULE_WILDCARDS) != NULL);
  broken[WQ_CUMULOCITY][WQ_RULE_WILDCARDS] = true;
}

static void brokers(void) {
  for (uint32_t service = WQ_MOSQUITTO; service < WQ_SERVICES; service++) {
    use(service, "dev", "devices");
    if (service == WQ_RABBITMQ) {
      qos("a", WQ_ACTION_REFUSE);
      subscribing("#", 2, 1, 0), only(WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 1);
    } else {
      publishing("$x/y", 1000000, 2, true), none();
      subscribing("#", 2, 20, 1000), none();
    }
    keep_alive(0), none();
    clean(false), none();
  }
}

/* ------------------------------------------------------------------------------------------------ and besides */

static void subscription_ids(void) {
  static const uint8_t id[] = {WQ_P_SUBSCRIPTION_IDENTIFIER, 5};
  const wq_subscription one = {.filter = text_bytes("a")};
  for (uint32_t service = 0; service < WQ_SERVICES; service++) {
    use(service, "", "");
    found_n = wq_check_subscribe(&rules, &one, 1, (wq_bytes){id, sizeof id}, 0, findings);
    if (service == WQ_AWS || service == WQ_AZURE_EVENT_GRID)
      only(WQ_RULE_SUBSCRIPTION_ID, WQ_ACTION_REFUSE, 0);
    else
      CHECK(finding(WQ_RULE_SUBSCRIPTION_ID) == NULL);
  }
}

static void index_of_filter(void) {
  use(WQ_AWS, "", "");
  const wq_subscription three[] = {
      {.filter = text_bytes("a")}, {.filter = text_bytes("b"), .qos = 2}, {.filter = text_bytes("c/#"), .qos = 2}};
  found_n = wq_check_subscribe(&rules, three, 3, (wq_bytes){NULL, 0}, 0, findings);
  CHECK_INT(found_n, 2);
  CHECK_INT(findings[0].rule, WQ_RULE_SUBSCRIBE_QOS);
  CHECK_INT(findings[0].index, 1);
  CHECK_INT(findings[1].rule, WQ_RULE_WILDCARD_RETAINED);
  CHECK_INT(findings[1].index, 2);
  const wq_subscription never = {.filter = text_bytes("c/#"), .retain_handling = 2};
  found_n = wq_check_subscribe(&rules, &never, 1, (wq_bytes){NULL, 0}, 0, findings);
  none();
}

/* Everything at once: no more findings than there is room for. */
static void everything(void) {
  use(WQ_AWS, "", "");
  wq_seat seat = rules.seat;
  for (uint8_t i = 0; i < WQ_RULES; i++) {
    rules.action[i] = WQ_ACTION_REFUSE;
    rules.number[i] = 0;
  }
  static const uint8_t user[] = {WQ_P_USER_PROPERTY, 0, 1, 'a', 0, 1, 'b'};
  wq_connect_args args = good();
  args.has_will = args.will_retain = true;
  args.will_qos = 2;
  args.will_topic = text_bytes("$x");
  args.will_payload = text_bytes("x");
  args.clean = false;
  args.properties = (wq_bytes){user, sizeof user};
  connecting(&args);
  CHECK_INT(found_n, 11); /* all of CONNECT but the least keep-alive and the first character */
  publishing("$x/y", 9, 2, true);
  CHECK_INT(found_n, 8);
  subscribing("$x/#", 2, 2, 0);
  CHECK_INT(found_n, 8);
  rules.seat = seat;
}

static void changed(void) {
  use(WQ_AWS, "", "");
  rules.number[WQ_RULE_PAYLOAD_BYTES] = 10;
  publishing("a", 11, 0, false), only(WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 10);
  rules.action[WQ_RULE_PAYLOAD_BYTES] = WQ_ACTION_WARN;
  publishing("a", 11, 0, false), only(WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_WARN, 10);
  rules.action[WQ_RULE_PAYLOAD_BYTES] = WQ_ACTION_NONE;
  publishing("a", 999999, 0, false), none();
  use(WQ_SERVICES, "", "");
  publishing("$aws", 999999, 2, true), none();
  subscribing("#", 2, 60, 60), none();
}

static void packet_with_properties(void) {
  use(WQ_BROKER, "", "");
  rules.action[WQ_RULE_PACKET_BYTES] = WQ_ACTION_REFUSE;
  static const uint8_t properties[200];
  wq_publish_args args = {.size = sizeof args, .topic = text_bytes("ab"), .qos = 1};
  static const struct {
    uint8_t version;
    uint32_t properties, payload, size;
  } sizes[] = {
      {4, 200, 0, 2 + 6},       {4, 0, 121, 2 + 127},         {4, 0, 122, 3 + 128},         {5, 0, 0, 2 + 7},
      {5, 127, 0, 3 + 7 + 127}, {5, 128, 0, 3 + 8 + 128},     {5, 20, 5, 2 + 32},           {4, 0, 16377, 3 + 16383},
      {4, 0, 16378, 4 + 16384}, {4, 0, 2097145, 4 + 2097151}, {4, 0, 2097146, 5 + 2097152},
  };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    args.properties = (wq_bytes){properties, sizes[i].properties};
    args.payload = (wq_bytes){payload, sizes[i].payload};
    rules.number[WQ_RULE_PACKET_BYTES] = sizes[i].size;
    CHECK_INT(wq_check_publish(&rules, &args, sizes[i].version, findings), 0);
    rules.number[WQ_RULE_PACKET_BYTES] = sizes[i].size - 1;
    CHECK_INT(wq_check_publish(&rules, &args, sizes[i].version, findings), 1);
  }
}

/* Every row of every table was broken above, but those that no check sees. */
static void all_rows(void) {
  for (uint32_t service = 0; service < WQ_SERVICES; service++) {
    use(service, "", "");
    for (uint8_t rule = WQ_RULE_VERSION + 1; rule < WQ_RULE_INFLIGHT; rule++)
      if (!CHECK(rules.action[rule] == WQ_ACTION_NONE || broken[service][rule]))
        printf("  rule %d of %s\n", rule, wq_service_at(service)->name);
  }
}

static const char *words(uint8_t rule) {
  static char in_words[400];
  uint32_t n = wq_rule_text(&rules, rule, (uint8_t *)in_words, sizeof in_words - 1);
  in_words[n] = 0;
  return in_words;
}

static void in_words(void) {
  for (uint32_t service = 0; service < WQ_SERVICES; service++) {
    use(service, "dev", "");
    for (uint8_t rule = 0; rule < WQ_RULES; rule++) {
      const char *title = wq_service_at(service)->title, *said = words(rule);
      CHECK(strlen(said) > strlen(title) + 20);
      CHECK(strncmp(said, title, strlen(title)) == 0);
      CHECK(strlen(said) < sizeof text - 100 && strchr(said, ';') != NULL);
      CHECK(strchr(said, '#') == NULL && strchr(said, '\n') == NULL);
      const wq_bytes clause = wq_rule_clause(&rules, rule);
      const uint32_t prefix = (uint32_t)strlen(title) + 2;
      const uint32_t same = (uint32_t)strcspn((const char *)clause.data, "#;");
      CHECK(clause.len != 0 && clause.data[clause.len] == ';' && memcmp(said + prefix, clause.data, same) == 0);
      for (uint32_t room = 0; room < 60 && room < strlen(said); room++) {
        uint8_t cut[61];
        memset(cut, 'X', sizeof cut);
        CHECK_INT(wq_rule_text(&rules, rule, cut, room), room);
        CHECK(memcmp(cut, said, room) == 0 && cut[room] == 'X');
      }
    }
  }
  use(WQ_AWS, "", "");
  CHECK_TEXT(words(WQ_RULE_QOS),
             "AWS IoT Core: the highest QoS of a message is 1; publish with QoS 1 or less. It never acknowledges "
             "QoS 2");
  CHECK_TEXT(words(WQ_RULE_RETAIN), "AWS IoT Core: topics that begin with $ take no retained messages; publish without "
                                    "retain");
  const wq_bytes clause = wq_rule_clause(&rules, WQ_RULE_QOS);
  CHECK_BYTES(clause.data, clause.len, (const uint8_t *)"the highest QoS of a message is #", 33);
  CHECK(wq_rule_clause(&rules, WQ_RULES).data == NULL);
  rules.number[WQ_RULE_PAYLOAD_BYTES] = 5;
  CHECK_TEXT(words(WQ_RULE_PAYLOAD_BYTES), "AWS IoT Core: a payload has at most 5 bytes; send it in parts");
  use(WQ_SCALEWAY, "", "");
  CHECK_TEXT(words(WQ_RULE_RETAIN), "Scaleway IoT Hub: nothing is retained; publish without retain. That is the shared "
                                    "plan's");
  CHECK_TEXT(words(WQ_RULES), "");
}

static void pace(void) {
  wq_pace p = {0};
  uint64_t now = 5000;
  for (int i = 0; i < 100; i++)
    CHECK_INT(wq_pace_take(&p, 100, now), 0); /* a second's worth at once */
  CHECK_INT(wq_pace_take(&p, 100, now), 10);
  CHECK_INT(wq_pace_take(&p, 100, now + 9), 1);
  CHECK_INT(wq_pace_take(&p, 100, now + 10), 0);
  CHECK_INT(wq_pace_take(&p, 100, now + 10), 10);
  uint32_t taken = 0;
  for (now = 100000; now < 110000; now++) /* ten seconds: the second's worth, and ten more */
    taken += wq_pace_take(&p, 100, now) == 0;
  CHECK_INT(taken, 100 + 999);
  p = (wq_pace){0};
  CHECK_INT(wq_pace_take(&p, 1, 0), 0);
  CHECK_INT(wq_pace_take(&p, 1, 0), 1000);
  CHECK_INT(wq_pace_take(&p, 1, 999), 1);
  CHECK_INT(wq_pace_take(&p, 1, 1000), 0);
  for (int i = 0; i < 1000; i++)
    CHECK_INT(wq_pace_take(&p, 0, 1000), 0);
}

int main(void) {
  check_case("AWS IoT Core: every rule at its edge", aws);
  check_case("Azure IoT Hub: every rule at its edge", azure_iot_hub);
  check_case("Azure Event Grid: every rule at its edge", azure_event_grid);
  check_case("ClearBlade: every rule at its edge", clearblade);
  check_case("Alibaba: every rule at its edge", alibaba);
  check_case("Scaleway: the rules of both plans", scaleway);
  check_case("Cumulocity: every rule at its edge", cumulocity);
  check_case("brokers: no rules but RabbitMQ's", brokers);
  check_case("rules: subscription identifiers, where there are none", subscription_ids);
  check_case("rules: a finding names the first filter", index_of_filter);
  check_case("rules: all broken at once", everything);
  check_case("rules: numbers and actions changed by the host; an unknown service has none", changed);
  check_case("rules: the size of a PUBLISH, by version", packet_with_properties);
  check_case("rules: each row of each table was broken", all_rows);
  check_case("rules: in words, into any room", in_words);
  check_case("pace: a second's worth at once, then as fast as it may", pace);
  return check_close();
}
