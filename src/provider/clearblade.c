/* SPDX-License-Identifier: MIT
 * Google Cloud IoT Core, which ClearBlade has run since Google ended it in 2023. It has no WebSockets, so the URL is that of
 * a gateway to its MQTT bridge. The password is a JWT that the device's private key signs. A command has no answer of its
 * own; ours goes out as an event of the subfolder "responses". */
#include "service.h"

static const char form[] =
    "u!|url|||Gateway|ws:// or wss:// address of a gateway to REGION-mqtt.clearblade.com:443; the service has no "
    "WebSockets\n"
    "i!|project|||Project id|Registry, details\n"
    "i!|region|||Region|Registry, details: us-central1\n"
    "i!|registry|||Registry id|Registry, details\n"
    "i!|device|||Device id|Devices\n"
    "p!|key|||Private key|PKCS#8 PEM or JSON Web Key whose public half the device has: RSA, or elliptic on P-256\n"
    "n|ttl||3600,60,86400|Token valid for, s|A new one is made in time\n";

static const char topics[] = "T>/devices/%d/events\n"
                             "A)/devices/%d/events/responses/%n\n"
                             "E>/devices/%d/events/%N\n"
                             "R>/devices/%d/state\n"
                             "D</devices/%d/config\n"
                             "C</devices/%d/commands/%N\n"
                             "C(/devices/%d/commands\n"
                             "O)/devices/%d/attach\n"
                             "O)/devices/%d/detach\n"
                             "X(/devices/%d/errors\n";

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, "It closes the connection"},
    {WQ_RULE_RETAIN, WQ_ACTION_WARN, 0, 0, "The message goes through as an ordinary one"},
    {WQ_RULE_WILL, WQ_ACTION_WARN, 0, 0, NULL},
    {WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 0, 1, NULL},
    {WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, 0, 1200, "It ends connections that are idle for so long"},
    {WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 0, 262144, NULL},
    {WQ_RULE_STATE_BYTES, WQ_ACTION_REFUSE, 0, 65536, NULL},
    {WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0, 0, "It closes the connection"},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 0, 1, "It grants QoS 1"},
    {WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_PUBLISH_RATE, WQ_ACTION_ADJUST, 0, 100, NULL},
};

/* The project stands in a JSON text; the service has it in lower case. */
static int check(const wq_values *v, const char **field) {
  const wq_bytes project = wq_value(v, "project");
  *field = "project";
  for (uint32_t i = 0; i < project.len; i++)
    if (project.data[i] == '"' || project.data[i] == '\\' || (uint8_t)(project.data[i] - 'A') < 26) return WQ_FAULT_ID;
  return 0;
}

static int login(wq_login *l) {
  const uint64_t now = l->unix_ms / 1000;
  if (l->phase++ == 0) {
    wq_login_expires(l, wq_login_number(l, "ttl"));
    l->part[1] = wq_login_decimal(l, now);
    l->part[2] = wq_login_decimal(l, now + wq_login_number(l, "ttl"));
    return wq_jwt_sign(l, "key", "{{\"iat\":{1},\"exp\":{2},\"aud\":\"{project}\"}");
  }
  l->password = wq_login_text(l, "{0}.{-}");
  l->url = wq_login_text(l, "{url}");
  l->client_id = wq_login_text(l, "projects/{project}/locations/{region}/registries/{registry}/devices/{device}");
  l->username = WQ_TEXT("unused"); /* 3.1.1 has no password without one [M3:3.1.2-22] */
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_clearblade = {
    .info = {"clearblade", "ClearBlade IoT Core", form,
             "A device sees its own topics only; other devices are reached with ClearBlade's REST API.", WQ_VERSIONS_3,
             true, 60},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .own_topics = true,
    .check = check,
    .login = login,
};
