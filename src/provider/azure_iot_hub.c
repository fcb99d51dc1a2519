/* SPDX-License-Identifier: MIT
 * Azure IoT Hub. The password is a token signed with a key (SAS) that belongs to a device, a module, a policy of the hub, or
 * to a device that the Device Provisioning Service (DPS) is to enrol. With a key of DPS and no hub yet, the login is good for
 * registering with DPS; once the hub is known, for the hub. A group's key makes the device's key first, from the id that the
 * device registers with, which DPS need not make its device id. */
#include "service.h"

static const char form[] =
    "c|auth||device=Key of the device,module=Key of a module,policy=Shared access policy,dps=Individual enrolment "
    "(DPS),"
    "dps-group=Enrolment group (DPS)|Sign in with|\n"
    "h|host|||Host name|Overview, Hostname: NAME.azure-devices.net. With enrolments: empty until DPS has named the "
    "hub\n"
    "i!|device|||Device id|Devices; or the registration id of the enrolment. Upper and lower case differ\n"
    "i|registration|dps,dps-group||Registration id|Of the enrolment, if the device has another id; DPS tells\n"
    "i!|module|module||Module id|Devices, the device, its modules\n"
    "b!|key|||Key|The primary key alone, in base64; not the connection string\n"
    "t!|policy|policy|device|Policy|Shared access policies: one with Device connect\n"
    "c|policy-scope|policy|device=This device,hub=Any device of the hub|Token is good for|\n"
    "i|id-scope|dps,dps-group||ID scope|Device Provisioning Service, Overview: 0ne and more\n"
    "h|dps-host|dps,dps-group|global.azure-devices-provisioning.net|Provisioning host|Where devices register\n"
    "t|model-id|device,module,policy||Model id|Plug and Play: dtmi:...\n"
    "n|ttl||3600,60,31536000|Token valid for, s|A new one is made in time\n"
    "t|api-version||2021-04-12|API version|\n";

static const char topics[] = "T>devices/%d/modules/%s/messages/events/%b\n"
                             "T>!devices/%d/messages/events/%b\n"
                             "E)devices/%d/modules/%s/messages/events/%b\n"
                             "E)!devices/%d/messages/events/%b\n"
                             "C<$iothub/methods/POST/|%n/%q\n"
                             "C<devices/%d/modules/%s/|inputs/%n/%b\n"
                             "C<!devices/%d/messages/devicebound/|%b\n"
                             "A)$iothub/methods/res/%c/%q\n"
                             "R)$iothub/twin/PATCH/properties/reported/%q\n"
                             "G)$iothub/twin/GET/%q\n"
                             "S<$iothub/twin/res/|%c/%q\n"
                             "D<$iothub/twin/PATCH/properties/desired/|%q\n"
                             "Q)$dps/registrations/PUT/iotdps-register/%q\n"
                             "P)$dps/registrations/GET/iotdps-get-operationstatus/%q\n"
                             "q<$dps/registrations/res/|%c/%q\n";

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, "It closes the connection"},
    {WQ_RULE_RETAIN, WQ_ACTION_WARN, 0, 0, "The message goes through with a property that says so"},
    {WQ_RULE_WILL_TOPIC, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, 0, 1177, NULL},
    {WQ_RULE_CLIENT_ID_BYTES, WQ_ACTION_WARN, 0, 257, NULL}, /* device and module, 128 each */
    {WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 0, 262144, NULL},
    {WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0, 0, "It closes the connection"},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 0, 1, "It grants QoS 1"},
    {WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0, 0, "It closes the connection"},
    {WQ_RULE_FILTERS, WQ_ACTION_REFUSE, 0, 5, NULL},
};

static bool enrolment(const wq_values *v) {
  wq_bytes auth = wq_value(v, "auth");
  return wq_text_starts(auth, "dps");
}

static int check(const wq_values *v, const char **field) {
  const bool host = wq_value(v, "host").len != 0;
  *field = enrolment(v) ? "id-scope" : "host";
  return host || (enrolment(v) && wq_value(v, "id-scope").len != 0) ? 0 : WQ_FAULT_MISSING;
}

/* Decode the key where the room begins, for the time of the call that copies it. */
static int sign(wq_login *l, wq_bytes key, wq_bytes text) {
  const uint32_t room = (uint32_t)(l->end - l->at);
  int32_t n = wq_base64_gather(l->at, room, key);
  if (n < 0) return WQ_FAULT_BASE64;
  if ((uint32_t)n > room) return WQ_FAULT_TOO_LONG;
  wq_login_hmac(l, WQ_SHA256, (wq_bytes){l->at, (uint32_t)n}, text);
  wq_wipe(l->at, (size_t)n);
  return WQ_LOGIN_PENDING;
}

static wq_bytes registration(const wq_login *l) {
  const wq_bytes id = wq_login_value(l, "registration");
  return id.len != 0 ? id : wq_login_value(l, "device");
}

/* Part 0: the resource, encoded; 1: the expiry; 2: what else is told of the token. What is signed is the encoded form. */
static wq_bytes to_sign(wq_login *l, bool hub) {
  const char *resource = "{id-scope}/registrations/{0}";
  if (hub) resource = "{host}/devices/{device}";
  if (wq_login_is(l, "auth", "module")) resource = "{host}/devices/{device}/modules/{module}";
  if (wq_login_is(l, "policy-scope", "hub")) resource = "{host}";
  l->part[0] = registration(l);
  l->part[0] = wq_login_text(l, resource);
  l->part[0] = wq_login_text(l, "{^0}");
  l->part[1] = wq_login_decimal(l, l->expires_ms / 1000);
  if (!hub) l->part[2] = WQ_TEXT("&skn=registration");
  if (wq_login_value(l, "policy").len != 0) l->part[2] = wq_login_text(l, "&skn={^policy}");
  return wq_login_text(l, "{0}\n{1}");
}

static int done(wq_login *l, bool hub) {
  const bool module = wq_login_is(l, "auth", "module");
  l->password = wq_login_text(l, "SharedAccessSignature sr={0}&sig={^+}{2}&se={1}");
  l->provisioning = !hub;
  if (!hub) {
    l->url = wq_login_text(l, "wss://{dps-host}/$iothub/websocket");
    l->part[3] = registration(l);
    l->client_id = wq_login_text(l, "{3}");
    l->username = wq_login_text(l, "{id-scope}/registrations/{3}/api-version=2019-03-31");
    return WQ_LOGIN_DONE;
  }
  /* the parameter spares people a question for a client certificate */
  l->url = wq_login_text(l, "wss://{host}/$iothub/websocket?iothub-no-client-cert=true");
  l->client_id = wq_login_text(l, module ? "{device}/{module}" : "{device}");
  l->part[3] = wq_login_text(l, wq_login_value(l, "model-id").len != 0 ? "&model-id={model-id}" : "");
  l->username = wq_login_text(l, module ? "{host}/{device}/{module}/?api-version={api-version}{3}"
                                        : "{host}/{device}/?api-version={api-version}{3}");
  return WQ_LOGIN_DONE;
}

static int login(wq_login *l) {
  const bool hub = wq_login_value(l, "host").len != 0;
  const bool group = wq_login_is(l, "auth", "dps-group");
  const wq_bytes key = wq_login_value(l, "key");
  switch (l->phase++) {
  case 0:
    wq_login_expires(l, wq_login_number(l, "ttl"));
    l->part[3] = to_sign(l, hub);
    if (!group) return l->phase++, sign(l, key, l->part[3]);
    return sign(l, key, registration(l));
  case 1: { /* the device's key is the group's HMAC of its registration id */
    uint8_t device_key[32];
    memcpy(device_key, l->op.result, sizeof device_key);
    wq_login_hmac(l, WQ_SHA256, (wq_bytes){device_key, sizeof device_key}, l->part[3]);
    wq_wipe(device_key, sizeof device_key);
    return WQ_LOGIN_PENDING;
  }
  default: return done(l, hub);
  }
}

const wq_service_def wq_azure_iot_hub = {
    .info = {"azure-iot-hub", "Azure IoT Hub", form,
             "An IoT Hub shows a device its own messages only; other devices are reached with Azure's service API.",
             WQ_VERSIONS_3, false, 240},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .own_topics = true,
    .check = check,
    .login = login,
};
