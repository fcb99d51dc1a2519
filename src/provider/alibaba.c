/* SPDX-License-Identifier: MIT
 * Alibaba Cloud IoT Platform. The password is an HMAC of the client id's parts, in hex; the rest of the client id says how
 * it was made. With one secret for a product, the login is good for asking for the device's own secret. Scope of topics: the
 * ProductKey. */
#include "service.h"

#define HOST "{product}.iot-as-mqtt.{region}.aliyuncs.com"

static const char form[] =
    "c|auth||device=Secret of the device,register=Secret of the product (gets the device's),register-new=Secret of the "
    "product (new device),token=Token (of a new device)|Sign in with|A device that is not in the console yet gets a "
    "token "
    "in place of a secret\n"
    "i!|product|||ProductKey|Devices, the device, its certificate\n"
    "i!|device|||DeviceName|Devices, the device, its certificate\n"
    "k!|secret|device||DeviceSecret|Devices, the device, its certificate\n"
    "k!|token|token||Token|As registration gave it, with the client id\n"
    "k!|product-secret|register,register-new||ProductSecret|Products, the product, details\n"
    "i|region||cn-shanghai|Region|Of the instance: ap-southeast-1, eu-central-1...\n"
    "h|host|||Host name|Enterprise instances only: Instance details, endpoints\n"
    "i|client|||Client id|Empty: ProductKey.DeviceName\n"
    "c|sign-method||hmacsha256=HMAC-SHA-256,hmacsha1=HMAC-SHA-1|Signature|\n"
    "f|tls||1|Encrypted (wss)|Older accounts alone can go without\n"
    "t|timestamp|device||Timestamp|Any number that is to be signed too; empty: none\n";

static const char topics[] = "T>/sys/%s/%d/thing/event/property/post\n"
                             "R)/sys/%s/%d/thing/event/property/post\n"
                             "r</sys/%s/%d/thing/event/property/post_reply\n"
                             "E>/sys/%s/%d/thing/event/%n/post\n"
                             "r</sys/%s/%d/thing/event/%n/post_reply\n"
                             "D</sys/%s/%d/thing/service/property/set\n"
                             "d)/sys/%s/%d/thing/service/property/set_reply\n"
                             "A)/sys/%s/%d/thing/service/%n_reply\n"
                             "C</sys/%s/%d/thing/service/%n\n"
                             "A)/sys/%s/%d/rrpc/response/%r\n"
                             "C</sys/%s/%d/rrpc/request/%r\n"
                             "G)/shadow/update/%s/%d\n"
                             "S</shadow/get/%s/%d\n"
                             "X</ext/error/%s/%d\n"
                             "q(/ext/register\n"
                             "q(/ext/regnwl\n"
                             "O)/%s/%d/%N\n"
                             "O)/sys/%s/%d/%N\n"
                             "O)/ota/device/inform/%s/%d\n"
                             "O)/ota/device/progress/%s/%d\n"
                             "O)/ota/device/request/%s/%d\n"
                             "O)/ext/ntp/%s/%d/request\n"
                             "O)/ext/session/%s/%d/%N\n"
                             "O)/ext/rrpc/%N\n"
                             "O)/broadcast/%s/%n\n";

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, NULL},
    {WQ_RULE_RETAIN, WQ_ACTION_WARN, 0, 0, "The message goes through as an ordinary one"},
    {WQ_RULE_WILL, WQ_ACTION_WARN, 0, 0, NULL},
    {WQ_RULE_KEEP_ALIVE_MIN, WQ_ACTION_ADJUST, 0, 30, "It refuses the connection"},
    {WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, 0, 1200, "It refuses the connection"},
    {WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 0, 262144, NULL},
    {WQ_RULE_TOPIC_BYTES, WQ_ACTION_WARN, 0, 128, NULL},
    {WQ_RULE_TOPIC_SLASHES, WQ_ACTION_WARN, 0, 7, NULL},
    {WQ_RULE_TOPIC, WQ_ACTION_WARN, 0, 0, "Such messages are lost"},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 0, 1, "Messages come with the QoS of their publisher"},
    {WQ_RULE_FILTERS, WQ_ACTION_WARN, 0, 100, NULL},
    {WQ_RULE_PUBLISH_RATE, WQ_ACTION_ADJUST, 0, 30, NULL},
};

static int check(const wq_values *v, const char **field) {
  wq_bytes client = wq_value(v, "client"), timestamp = wq_value(v, "timestamp");
  *field = "product";
  if (!wq_host_ok(wq_value(v, "product"))) return WQ_FAULT_ID;
  *field = "region";
  if (!wq_host_ok(wq_value(v, "region"))) return WQ_FAULT_ID;
  *field = "device"; /* part of the user name and of the client id, which these characters divide */
  if (wq_text_find(wq_value(v, "device"), "|", NULL) || wq_text_find(wq_value(v, "device"), "&", NULL))
    return WQ_FAULT_ID;
  *field = "client";
  const uint32_t made = wq_value(v, "product").len + 1 + wq_value(v, "device").len; /* see signed_text() */
  if ((client.len != 0 ? client.len : made) > 64) return WQ_FAULT_CLIENT_ID;
  if (wq_text_find(client, "|", NULL)) return WQ_FAULT_ID;
  if (client.len == 0 && wq_text_is(wq_value(v, "auth"), "token")) return WQ_FAULT_MISSING;
  *field = "timestamp";
  for (uint32_t i = 0; i < timestamp.len; i++)
    if ((uint8_t)(timestamp.data[i] - '0') > 9 || i == 20) return WQ_FAULT_NUMBER;
  return 0;
}

/* part 0: the client id without its parameters; 1: the timestamp, or a random number; 2: a parameter that says so */
static wq_bytes signed_text(wq_login *l, bool device) {
  l->part[0] = wq_login_text(l, wq_login_value(l, "client").len != 0 ? "{client}" : "{product}.{device}");
  if (!device) {
    l->part[1] = wq_login_decimal(l, (uint32_t)l->random);
    l->part[2] = wq_login_text(l, ",random={1}");
    return wq_login_text(l, "deviceName{device}productKey{product}random{1}");
  }
  const bool timestamp = wq_login_value(l, "timestamp").len != 0;
  if (timestamp) l->part[2] = wq_login_text(l, ",timestamp={timestamp}");
  return wq_login_text(l, timestamp ? "clientId{0}deviceName{device}productKey{product}timestamp{timestamp}"
                                    : "clientId{0}deviceName{device}productKey{product}");
}

static int login(wq_login *l) {
  const bool device = wq_login_is(l, "auth", "device"), tls = wq_login_is(l, "tls", "1");
  const bool token = wq_login_is(l, "auth", "token");
  if (l->phase++ == 0 && !token) {
    const int hash = wq_login_is(l, "sign-method", "hmacsha1") ? WQ_SHA1 : WQ_SHA256;
    const wq_bytes text = signed_text(l, device);
    return wq_login_hmac(l, hash, wq_login_value(l, device ? "secret" : "product-secret"), text);
  }
  l->password = wq_login_text(l, token ? "{token}" : "{#}");
  l->username = wq_login_text(l, "{device}&{product}");
  const char *mode = tls ? "2" : "3";
  if (wq_login_is(l, "auth", "register")) mode = "2,authType=register";
  if (wq_login_is(l, "auth", "register-new")) mode = "-2,authType=regnwl";
  l->part[3] = wq_text_of(mode);
  l->client_id = wq_login_text(l, device  ? "{0}|securemode={3},signmethod={sign-method}{2}|"
                                  : token ? "{client}|securemode=-2,authType=connwl|"
                                          : "{0}|securemode={3}{2},signmethod={sign-method}|");
  l->part[3] = wq_login_text(l, wq_login_value(l, "host").len != 0 ? "{host}" : HOST);
  const char *plain =
      wq_text_find(l->part[3], ":", NULL) ? "ws://{3}/" : "ws://{3}:443/"; /* unlike elsewhere, not 80 */
  l->url = wq_login_text(l, tls || !device ? "wss://{3}/" : plain);
  l->provisioning = !device && !token;
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_alibaba = {
    .info = {"alibaba", "Alibaba Cloud IoT", form,
             "A device sees its own topics only; other devices are reached with the platform's API.", WQ_VERSIONS_ALL,
             false, 300},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .own_topics = true,
    .check = check,
    .login = login,
};
