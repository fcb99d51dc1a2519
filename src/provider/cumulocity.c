/* SPDX-License-Identifier: MIT
 * Cumulocity IoT, its core MQTT. What a message is stands in its SmartREST text (smartrest.h), so most of what a device sends
 * goes to one topic; state goes into the inventory as JSON, since no row takes any fragment. Scope of topics: a child
 * device. A device without credentials asks for them with those of the bootstrap user, until an operator accepts it. */
#include "service.h"

static const char form[] =
    "h!|host|||Host name|As in the browser's address: TENANT.cumulocity.com, or your own domain\n"
    "c|auth||password=User and password,bootstrap=Bootstrap user (registers the device)|Sign in with|The user is a "
    "device's, "
    "or your own\n"
    "i!|tenant|password||Tenant id|User menu: t and digits. The name in the address is none\n"
    "t!|username|password||User name|device_SERIAL, or your own\n"
    "t!|bootstrap-user|bootstrap|management/devicebootstrap|Bootstrap user|From product support\n"
    "s!|password|||Password|Of that user\n"
    "i!|device|||Device id|Device management: the external id (c8y_Serial)\n"
    "i|template|||Default template|X-ID of a SmartREST template collection\n"
    "t|operations||c8y_Restart c8y_Command|Operations|What is offered for this device: fragments, with spaces "
    "between them\n"
    "f|tls||1|Encrypted (wss)|Edge and test systems can go without\n";

static const char topics[] = "T>s/us/%s\n"
                             "T>!s/us\n"
                             "E)s/us/%s\n"
                             "E)!s/us\n"
                             "R)inventory/managedObjects/update/%s\n"
                             "R)!inventory/managedObjects/update/%d\n"
                             "A)s/us/%s\n"
                             "A)!s/us\n"
                             "G)!s/us\n"
                             "C<s/ds\n"
                             "X<s/e\n"
                             "Q)s/ucr\n"
                             "q<s/dcr\n"
                             "O)s/ut/%n\n"
                             "O(s/dt\n"
                             "O)s/uc/%N\n"
                             "O(s/dc/%n\n"
                             "O)s/ud\n"
                             "O)s/ud/%n\n"
                             "O(s/dd\n"
                             "O)s/uat\n"
                             "O(s/dat\n"
                             "O)t/us\nO)t/us/%n\nO)t/uc/%N\nO)t/ud\nO)t/ud/%n\n"
                             "O)q/us\nO)q/us/%n\nO)q/uc/%N\nO)q/ud\nO)q/ud/%n\n"
                             "O)c/us\nO)c/us/%n\nO)c/uc/%N\nO)c/ud\nO)c/ud/%n\n"
                             "O)measurement/%N\nO)event/%N\nO)alarm/%N\nO)inventory/%N\n"
                             "O)t/measurement/%N\nO)t/event/%N\nO)t/alarm/%N\nO)t/inventory/%N\n"
                             "O)q/measurement/%N\nO)q/event/%N\n"
                             "O)c/measurement/%N\nO)c/event/%N\n"
                             "X(error\n"
                             "O(devicecontrol/notifications\n";

static const wq_rule_row rules[] = {
    {WQ_RULE_RETAIN, WQ_ACTION_WARN, 0, 0, "The message goes through as an ordinary one"},
    {WQ_RULE_CLEAN, WQ_ACTION_ADJUST, 0, 1, NULL},
    {WQ_RULE_PACKET_BYTES, WQ_ACTION_REFUSE, 0, 16184, NULL},
    {WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_FILTER, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_WILDCARDS, WQ_ACTION_WARN, 0, 0, NULL},
};

/* A colon parts the client id, so it cannot be in one of its parts. */
static int check(const wq_values *v, const char **field) {
  *field = "device";
  if (wq_text_find(wq_value(v, "device"), ":", NULL)) return WQ_FAULT_ID;
  *field = "template";
  return wq_text_find(wq_value(v, "template"), ":", NULL) ? WQ_FAULT_ID : 0;
}

static int login(wq_login *l) {
  const bool bootstrap = wq_login_is(l, "auth", "bootstrap");
  l->url = wq_login_text(l, wq_login_is(l, "tls", "1") ? "wss://{host}/mqtt" : "ws://{host}/mqtt");
  l->client_id = wq_login_text(l, bootstrap                                ? "{device}"
                                  : wq_login_value(l, "template").len != 0 ? "d:{device}:{template}"
                                                                           : "d:{device}");
  l->username = wq_login_text(l, bootstrap ? "{bootstrap-user}" : "{tenant}/{username}");
  l->password = wq_login_text(l, "{password}");
  l->provisioning = bootstrap;
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_cumulocity = {
    .info = {"cumulocity", "Cumulocity IoT", form,
             "A device sees its own messages only; other devices are reached with Cumulocity's REST API.",
             WQ_VERSION_BIT(WQ_MQTT_3_1) | WQ_VERSION_BIT(WQ_MQTT_3_1_1), true, 60},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .check = check,
    .login = login,
};
