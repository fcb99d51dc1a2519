/* SPDX-License-Identifier: MIT
 * Brokers that follow the specification. They differ in the address that they have after installation, and RabbitMQ in what
 * it leaves out. */
#include "service.h"

#define FORM(url, help)                                                                                                \
  "u!|url||" url "|Address|" help "\n"                                                                                 \
  "t|client|||Client id|Empty: the device's name, or one made at random\n"                                             \
  "t|username|||User name|\n"                                                                                          \
  "s|password|||Password|\n" WQ_FREE_FIELDS

static const char topics[] = WQ_FREE_TOPICS_OUT WQ_FREE_TOPICS_STATE;

static const wq_rule_row rabbitmq_rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, NULL},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_WARN, 0, 1, "It grants QoS 1"},
};

static int login(wq_login *l) {
  l->url = wq_login_text(l, "{url}");
  l->client_id = wq_login_client(l);
  wq_login_user(l);
  return WQ_LOGIN_DONE;
}

#define BROKER(name, title, form)                                                                                      \
  { .info = {name, title, form, NULL, WQ_VERSIONS_ALL, true, 60}, .topics = topics, .login = login, }

const wq_service_def wq_brokers[] = {
    BROKER("mosquitto", "Mosquitto",
           FORM("ws://localhost:9001/mqtt", "The configuration needs a listener with: protocol websockets")),
    BROKER("emqx", "EMQX", FORM("ws://localhost:8083/mqtt", "Port 8083, with TLS 8084; the path is /mqtt")),
    BROKER("hivemq", "HiveMQ", FORM("ws://localhost:8000/mqtt", "The configuration needs a websocket-listener")),
    {
        .info = {"rabbitmq", "RabbitMQ",
                 FORM("ws://localhost:15675/ws", "The path is /ws; rabbitmq-plugins enable rabbitmq_web_mqtt"), NULL,
                 WQ_VERSIONS_ALL, true, 60},
        .topics = topics,
        .rules = rabbitmq_rules,
        .rules_n = sizeof rabbitmq_rules / sizeof rabbitmq_rules[0],
        .login = login,
    },
    BROKER("vernemq", "VerneMQ", FORM("ws://localhost:8080/mqtt", "The path is /mqtt")),
    BROKER("broker", "MQTT broker", FORM("", "ws:// or wss://, with the broker's port and path")),
};
