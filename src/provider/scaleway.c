/* SPDX-License-Identifier: MIT
 * Scaleway IoT Hub. The device's id is all that it asks for, so that is the secret. Topics are free; state is kept in Cloud
 * Twins, whose documents have names. */
#include "service.h"

static const char form[] =
    "k!|id|||Device id|Devices, the device: its UUID. It is all the password there is; the device must allow "
    "insecure connections\n"
    "c|plan||shared=Shared,dedicated=Dedicated|Plan|Hub, Overview\n"
    "h|host||websocket.iot.fr-par.scw.cloud|Host name|Another region has another\n"
    "a|path||/mqtt|Path|\n"
    "t|client|||Client id|Empty: the device id\n" WQ_FREE_FIELDS;

static const char topics[] = "R)$SCW/twins/me/%n/patch\n"
                             "G)$SCW/twins/me/%n/get\n"
                             "S<$SCW/twins/me/|%n/get/response/%+success\n"
                             "S($SCW/twins/me/|%n/get/response/%-error\n"
                             "r($SCW/twins/me/|%n/patch/response/%+success\n"
                             "r($SCW/twins/me/|%n/patch/response/%-error\n" WQ_FREE_TOPICS_OUT WQ_FREE_TOPICS_STATE;

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 's', 1, "That is the shared plan's"},
    {WQ_RULE_RETAIN, WQ_ACTION_REFUSE, 's', 0, "That is the shared plan's"},
    {WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 's', 1, "That is the shared plan's"},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 's', 0, "That is the shared plan's"},
    {WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 0, 4194304, NULL},
};

static int login(wq_login *l) {
  l->url = wq_login_text(l, "wss://{host}{path}");
  l->client_id = wq_login_text(l, wq_login_value(l, "client").len != 0 ? "{client}" : "{id}");
  l->username = wq_login_text(l, "{id}");
  l->password = WQ_TEXT("");
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_scaleway = {
    .info = {"scaleway", "Scaleway IoT Hub", form, NULL, WQ_VERSIONS_3, true, 60},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .login = login,
};
