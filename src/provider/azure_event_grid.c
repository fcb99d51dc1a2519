/* SPDX-License-Identifier: MIT
 * Azure Event Grid namespaces: an MQTT 5.0 broker. A browser has no client certificate, so it signs in with a token that
 * somebody else made (a custom JWT, or one of Microsoft Entra), in the properties of CONNECT and later of AUTH. */
#include "service.h"

static const char form[] =
    "h!|host|||Host name|Namespace, Overview, MQTT hostname: NAME.REGION-1.ts.eventgrid.azure.net\n"
    "c|method||CUSTOM-JWT=An issuer that the namespace trusts,OAUTH2-JWT=Microsoft Entra ID|Token is from|\n"
    "k!|token|||Token|The whole JWT: three parts with dots between. Its audience (aud) is the host name and a slash\n"
    "t|username|||Authentication name|Clients: Client Authentication Name\n"
    "t|client|||Session name|Sent as client id; empty: the device's name, or one made at random\n"
    "a|path||/mqtt|Path|\n" WQ_FREE_FIELDS;

static const char topics[] = WQ_FREE_TOPICS_OUT WQ_FREE_TOPICS_STATE;

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, "It closes the connection"},
    {WQ_RULE_RETAIN_BYTES, WQ_ACTION_REFUSE, 0, 65536, NULL},
    {WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, 0, 1160, NULL},
    {WQ_RULE_CONNECT_PROPERTIES, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_PACKET_BYTES, WQ_ACTION_REFUSE, 0, 524288, NULL},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 0, 1, NULL},
    {WQ_RULE_SUBSCRIPTION_ID, WQ_ACTION_REFUSE, 0, 0, NULL},
};

static int check(const wq_values *v, const char **field) {
  uint64_t expiry;
  *field = "token";
  return wq_jwt_expiry(wq_value(v, "token"), &expiry);
}

static int login(wq_login *l) {
  wq_field field;
  uint64_t expiry;
  int fault = wq_jwt_expiry(wq_login_value(l, "token"), &expiry);
  if (fault != 0) return fault;
  if (expiry != 0 && expiry <= l->unix_ms / 1000) {
    l->fault_field = (uint8_t)wq_form_find(l->seat.service, "token", &field);
    return WQ_FAULT_EXPIRED;
  }
  const uint64_t left = expiry - l->unix_ms / 1000;
  if (expiry != 0) wq_login_expires(l, left < UINT32_MAX ? (uint32_t)left : UINT32_MAX);
  l->url = wq_login_text(l, "wss://{host}{path}");
  l->client_id = wq_login_client(l);
  wq_login_user(l);
  wq_login_property(l, WQ_P_AUTHENTICATION_METHOD, wq_login_value(l, "method"));
  wq_login_property(l, WQ_P_AUTHENTICATION_DATA, wq_login_value(l, "token"));
  l->reauthenticate = true;
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_azure_event_grid = {
    .info = {"azure-event-grid", "Azure Event Grid", form, NULL, WQ_VERSION_BIT(WQ_MQTT_5_0), true, 60},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .check = check,
    .login = login,
};
