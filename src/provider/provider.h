/* SPDX-License-Identifier: MIT
 *
 * provider.h - what each IoT service wants of its MQTT clients: what a person fills in, how that becomes a login, what the
 * service forbids or changes, and what its topics mean. A second public header: a program that has a URL, a user name and
 * a password needs only wasmqtt.h.
 *
 * All of it is data and functions without state of their own. The client machine (wasmqtt.h) knows nothing of it; a host
 * asks here first and gives the client what it was told:
 *
 *   form      wq_service_at(): a form's fields; a person fills them in; wq_values_check() says what is wrong
 *   login     wq_login_begin(), wq_login_step(): URL, CONNECT's client id, user name, password, properties
 *   rules     wq_rules_init(); before each wq_connect(), wq_publish(), wq_subscribe() the check of the same name
 *   topics    wq_topic_build(), wq_topic_read(), wq_topic_filter(): telemetry, commands, state in the service's own topics
 *
 * Services change. Whatever is a number or a choice here can be changed by the host: fields have defaults, rules are
 * copied into a struct of the host's. Arguments are views (wq_bytes) that are needed for the call only, and every byte of
 * them may be hostile. Nothing secret is ever in a text made here. */
#ifndef WASMQTT_PROVIDER_H
#define WASMQTT_PROVIDER_H

#include "../crypto.h"
#include "../wasmqtt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------ services */

/* wq_service - small numbers, the same in each build; append-only. */
enum wq_service {
  WQ_AWS = 0,
  WQ_AZURE_IOT_HUB = 1,
  WQ_AZURE_EVENT_GRID = 2,
  WQ_CLEARBLADE = 3, /* Google IoT Core as it is run today */
  WQ_ALIBABA = 4,
  WQ_SCALEWAY = 5,
  WQ_CUMULOCITY = 6,
  WQ_MOSQUITTO = 7,
  WQ_EMQX = 8,
  WQ_HIVEMQ = 9,
  WQ_RABBITMQ = 10,
  WQ_VERNEMQ = 11,
  WQ_BROKER = 12, /* any other */
  WQ_SERVICES
};

/* A set of protocol versions: bit (1 << enum wq_version). */
#define WQ_VERSION_BIT(version) (1u << (version))

/* wq_service_info - one service. Static; texts end with a 0 byte.
 * form: its fields, one a line, columns parted by '|': kind and, if it must be filled in, '!'; name; when; initial; label;
 *   help. wq_field_at() reads it; a host that makes forms elsewhere may take it whole.
 * no_operator: NULL if one client may watch and command many devices; otherwise why not, as a sentence. */
typedef struct wq_service_info {
  const char *name;  /* "azure-iot-hub" */
  const char *title; /* "Azure IoT Hub" */
  const char *form;
  const char *no_operator;
  uint8_t versions;    /* that the service speaks */
  bool clean;          /* Clean Session to begin with */
  uint16_t keep_alive; /* seconds to begin with */
} wq_service_info;

/* wq_service_at - NULL from WQ_SERVICES on. */
const wq_service_info *wq_service_at(uint32_t service);

/* ------------------------------------------------------------------------------------------------ fields */

/* wq_field_kind - as the form has it. Those from WQ_FIELD_PASSWORD on are secret: masked, never stored or logged in clear. */
enum wq_field_kind {
  WQ_FIELD_TEXT = 't',
  WQ_FIELD_ID = 'i',     /* a name that stands in topics and addresses: no / + # */
  WQ_FIELD_TOPIC = 'o',  /* the beginning of topics: no + # */
  WQ_FIELD_HOST = 'h',   /* host name, with :port if it is not 443 */
  WQ_FIELD_URL = 'u',    /* ws:// or wss:// */
  WQ_FIELD_PATH = 'a',   /* of a URL, with its leading slash */
  WQ_FIELD_NUMBER = 'n', /* initial: "default,least,most" */
  WQ_FIELD_CHOICE = 'c', /* initial: "value=label,...": the choices, the first is the default */
  WQ_FIELD_FLAG = 'f',   /* "1" or "0" */
  WQ_FIELD_PASSWORD = 's',
  WQ_FIELD_KEY = 'k',        /* a key or token: nothing but visible characters */
  WQ_FIELD_BASE64 = 'b',     /* a key in base64 */
  WQ_FIELD_PRIVATE_KEY = 'p' /* PKCS#8, as PEM or its base64 alone */
};

/* wq_field - one field. Views on static text.
 * when: empty, or the values of the field "auth", parted by commas, with which this field counts; otherwise it is left
 *   out of the form, and what it holds is ignored. */
typedef struct wq_field {
  wq_bytes name, when, initial, label, help;
  uint8_t kind; /* enum wq_field_kind */
  bool required;
} wq_field;
#define WQ_FIELDS_MAX 24

/* wq_field_at - the field with that index, 0 and up; false: there is none. */
bool wq_field_at(uint32_t service, uint32_t index, wq_field *field);

/* wq_field_secret - its value must not be shown or stored in clear. */
static inline bool wq_field_secret(uint8_t kind) {
  return kind == WQ_FIELD_PASSWORD || kind == WQ_FIELD_KEY || kind == WQ_FIELD_BASE64 || kind == WQ_FIELD_PRIVATE_KEY;
}

/* wq_fault - what is wrong with a value, or why a login failed. */
enum wq_fault {
  WQ_FAULT_MISSING = -1,
  WQ_FAULT_TEXT = -2,  /* not UTF-8, or with control characters */
  WQ_FAULT_SPACE = -3, /* a space or line break inside */
  WQ_FAULT_ID = -4,    /* a character that an id cannot have here */
  WQ_FAULT_HOST = -5,
  WQ_FAULT_URL = -6,
  WQ_FAULT_NUMBER = -7, /* none, or out of range */
  WQ_FAULT_CHOICE = -8,
  WQ_FAULT_BASE64 = -9,
  WQ_FAULT_CONNECTION_STRING = -10, /* of Azure, where one part of it belongs */
  WQ_FAULT_SAS_TOKEN = -11,         /* a finished token of Azure, where the key belongs */
  WQ_FAULT_ASSIGNMENT = -12,        /* "aws_secret_access_key = ..." with its name */
  WQ_FAULT_ACCESS_KEY_ID = -13,     /* AWS: the key's id where the secret belongs */
  WQ_FAULT_REGION = -14,            /* AWS: cannot be read from the host name */
  WQ_FAULT_SIGNATURE = -15,         /* AWS: token, its name and signature come together or not at all */
  WQ_FAULT_MD5 = -16,               /* Alibaba's hmacmd5 */
  WQ_FAULT_JWT = -17,               /* not three parts of base64url, the second of them JSON */
  WQ_FAULT_EXPIRED = -18,           /* the JWT is over */
  WQ_FAULT_KEY_ENCRYPTED = -19,
  WQ_FAULT_KEY_PKCS1 = -20,
  WQ_FAULT_KEY_SEC1 = -21,
  WQ_FAULT_KEY_PUBLIC = -22,
  WQ_FAULT_KEY_CERTIFICATE = -23,
  WQ_FAULT_KEY_JWK = -24,        /* a JSON Web Key that cannot be read */
  WQ_FAULT_KEY_KIND = -25,       /* neither RSA nor an elliptic key on P-256 */
  WQ_FAULT_KEY_FORM = -26,       /* no key that can be read */
  WQ_FAULT_TOO_LONG = -27,       /* the values or what is made of them */
  WQ_FAULT_CLOCK = -28,          /* unix_ms is no date from 1970 to 9999 */
  WQ_FAULT_INSECURE = -29,       /* no cryptography here: the page is not a secure context */
  WQ_FAULT_KEY_REFUSED = -30,    /* by the host's cryptography */
  WQ_FAULT_CRYPTO = -31,         /* the host's cryptography failed */
  WQ_FAULT_SERVICE = -32,        /* no such service, or fewer values than fields */
  WQ_FAULT_KEY_JWK_MEMBER = -33, /* a JSON Web Key that is not whole */
  WQ_FAULT_CLIENT_ID = -34       /* Alibaba: filled in or made of other fields, it would be too long */
};

/* wq_fault_text - a sentence for the person at the form. Static. */
const char *wq_fault_text(int fault);

/* wq_values_check - values parallel to the fields; one without data or of no bytes is not filled in, and means the initial
 * value. Space around a value is passed over (but in passwords). Returns 0 or enum wq_fault, with *field the index of the
 * first that is at fault. */
int wq_values_check(uint32_t service, const wq_bytes *values, uint32_t count, uint32_t *field);

/* ------------------------------------------------------------------------------------------------ who we are */

/* wq_seat - whose topics are meant. A device's own seat names it; an operator's leaves `device` empty.
 * scope: what else stands in the service's topics: Alibaba the ProductKey, Azure the module (or none), Cumulocity the child
 * device (or none), where topics are free (AWS, Event Grid, Scaleway, brokers) what they begin with. */
typedef struct wq_seat {
  uint32_t service;
  wq_bytes device, scope;
} wq_seat;

/* wq_seat_of - the seat that a login with these values has. Its views point into the values, or are static. */
wq_seat wq_seat_of(uint32_t service, const wq_bytes *values, uint32_t count);

/* ------------------------------------------------------------------------------------------------ login */

#define WQ_LOGIN_ROOM 16384u /* bytes for values and results */

enum wq_login_status { WQ_LOGIN_DONE = 0, WQ_LOGIN_PENDING = 1 };

/* wq_login - makes of values what a connection wants. Owned by the host; must stay in place while it is in use. The first
 * part is the result, valid from WQ_LOGIN_DONE to the next wq_login_begin() or wq_login_wipe(); its views point into the
 * struct. The URL can be as secret as a password. */
typedef struct wq_login {
  wq_bytes url;         /* ws:// or wss:// */
  wq_bytes subprotocol; /* of the WebSocket */
  wq_bytes client_id;
  wq_bytes username, password; /* data NULL: absent, as in wq_connect_args */
  wq_bytes properties;         /* of CONNECT, encoded; 5.0 only */
  wq_seat seat;
  const char
      *unopened;       /* what to check if the WebSocket does not open: the service refuses a login there, and a browser
                         * hides why; NULL: it does not. Static */
  uint64_t expires_ms; /* Unix time at which the service ends the connection; 0: never */
  uint64_t renew_ms;   /* Unix time from which a new login should take its place; 0: never */
  uint16_t keep_alive; /* seconds */
  uint8_t versions;    /* that may be tried, the highest first: WQ_VERSION_BIT() */
  bool clean;
  bool provisioning;   /* good for the registration of a device only; a second login follows with what that gave */
  bool reauthenticate; /* a new login's properties may go out in AUTH (0x19), on the connection that there is */
  uint8_t fault_field; /* index of the field that a fault is about; WQ_FIELDS_MAX: none */

  /* the machine's own */
  uint8_t phase;
  int32_t status;
  uint64_t unix_ms, random;
  wq_bytes values[WQ_FIELDS_MAX], part[4];
  uint8_t *at, *end; /* room for results; values lie behind end */
  wq_crypto_op op;
  uint8_t room[WQ_LOGIN_ROOM];
} wq_login;

/* wq_login_begin - check the values, as wq_values_check(), and start. unix_ms: wall time; random: 64 random bits, for ids
 * that were left empty. Not while a login in that struct is pending. Results as wq_login_step(). */
int wq_login_begin(wq_login *login, uint32_t service, const wq_bytes *values, uint32_t count, uint64_t unix_ms,
                   uint64_t random);

/* wq_login_step - go on. WQ_LOGIN_PENDING: cryptography is under way (one operation of crypto.h at a time); call again once
 * login->op.status is not WQ_CRYPTO_PENDING; early calls are harmless. WQ_LOGIN_DONE: the result is there and the values are
 * wiped. Below 0, enum wq_fault: all is wiped. */
int wq_login_step(wq_login *login);

/* wq_login_wipe - zeros everywhere. Not while an operation is pending, since the host writes its result later. */
void wq_login_wipe(wq_login *login);

/* ------------------------------------------------------------------------------------------------ rules */

/* wq_rule - a rule's number says how much or, where nothing else is said, 0 for "not at all". */
enum wq_rule {
  WQ_RULE_VERSION = 0,      /* the versions spoken: WQ_VERSION_BIT() */
  WQ_RULE_QOS = 1,          /* highest to publish with, wills too */
  WQ_RULE_RETAIN = 2,       /* 0: none; 1: not on topics with $ */
  WQ_RULE_RETAIN_BYTES = 3, /* of a retained payload */
  WQ_RULE_WILL = 4,
  WQ_RULE_WILL_TOPIC = 5,     /* only the topic for telemetry */
  WQ_RULE_CLEAN = 6,          /* 1: Clean Session must be set */
  WQ_RULE_KEEP_ALIVE_MIN = 7, /* seconds */
  WQ_RULE_KEEP_ALIVE_MAX = 8, /* seconds; 0, which is none, is over it too */
  WQ_RULE_CLIENT_ID_BYTES = 9,
  WQ_RULE_CLIENT_ID_FIRST = 10,    /* the character that it cannot begin with */
  WQ_RULE_CONNECT_PROPERTIES = 11, /* User Property in CONNECT */
  WQ_RULE_PAYLOAD_BYTES = 12,
  WQ_RULE_STATE_BYTES = 13,   /* of a payload that reports state */
  WQ_RULE_PACKET_BYTES = 14,  /* of a whole PUBLISH */
  WQ_RULE_TOPIC_BYTES = 15,   /* of topics and filters */
  WQ_RULE_TOPIC_SLASHES = 16, /* in topics and filters */
  WQ_RULE_TOPIC = 17,         /* 0: only topics that the service knows; 1: that holds for those with $ */
  WQ_RULE_SUBSCRIBE_QOS = 18,
  WQ_RULE_FILTER = 19, /* only filters that the service knows */
  WQ_RULE_WILDCARDS = 20,
  WQ_RULE_WILDCARD_RETAINED = 21, /* retained messages through a filter with wildcards */
  WQ_RULE_SUBSCRIPTION_ID = 22,
  WQ_RULE_FILTERS_AT_ONCE = 23, /* in one SUBSCRIBE */
  WQ_RULE_FILTERS = 24,         /* on one connection */
  WQ_RULE_INFLIGHT = 25,        /* for wq_config.inflight_max; no check sees it */
  WQ_RULE_PUBLISH_RATE = 26,    /* a second, for wq_pace_take() */
  WQ_RULE_CONNECT_RATE = 27,    /* the same */
  WQ_RULES
};

enum wq_action {
  WQ_ACTION_NONE = 0,   /* no such rule */
  WQ_ACTION_WARN = 1,   /* go on, and tell the user what the service will do */
  WQ_ACTION_ADJUST = 2, /* use the finding's value instead, or send in parts, or later */
  WQ_ACTION_REFUSE = 3  /* do not send: tell the user */
};

/* wq_rules - the host's own copy; actions and numbers may be changed. */
typedef struct wq_rules {
  wq_seat seat; /* set by wq_rules_init(); its views must stay in place */
  uint8_t action[WQ_RULES];
  uint32_t number[WQ_RULES];
} wq_rules;

typedef struct wq_finding {
  uint8_t rule;   /* enum wq_rule */
  uint8_t action; /* enum wq_action */
  uint16_t index; /* of the filter, in a SUBSCRIBE */
  uint32_t value; /* the rule's number; with WQ_ACTION_ADJUST what to use instead */
} wq_finding;
#define WQ_FINDINGS_MAX WQ_RULES

/* wq_rules_init - what holds for a client in that seat. values, count: as filled in (a plan may change rules); NULL, 0:
 * as they are initially. An unknown service has no rules. */
void wq_rules_init(wq_rules *rules, const wq_seat *seat, const wq_bytes *values, uint32_t count);

/* wq_check_connect, _publish, _subscribe - what the rules say of arguments that are otherwise valid: one finding a rule at
 * most, in the order of enum wq_rule, into findings[WQ_FINDINGS_MAX]. Returns how many; 0: all is well.
 * version: in force or intended, since it decides how long a packet is; active: filters subscribed to already. */
uint32_t wq_check_connect(const wq_rules *rules, const wq_connect_args *args, wq_finding *findings);
uint32_t wq_check_publish(const wq_rules *rules, const wq_publish_args *args, uint8_t version, wq_finding *findings);
uint32_t wq_check_subscribe(const wq_rules *rules, const wq_subscription *subscriptions, uint32_t count,
                            wq_bytes properties, uint32_t active, wq_finding *findings);

/* wq_rule_text - "AWS IoT Core: the highest QoS of a message is 1; ...": service, rule, what to do instead. Writes at most `room` bytes
 * of UTF-8, without a 0 byte; returns how many. */
uint32_t wq_rule_text(const wq_rules *rules, uint8_t rule, uint8_t *dst, uint32_t room);

/* wq_rule_clause - the rule alone, for a form: "the highest QoS of a message is #", with # where its number stands; without a # the number
 * is no amount. Static. */
wq_bytes wq_rule_clause(const wq_rules *rules, uint8_t rule);

/* wq_pace - a token bucket that holds one second's worth. All zero at first. */
typedef struct wq_pace {
  uint64_t full_us; /* when it will be full */
} wq_pace;

/* wq_pace_take - one more at `now_ms` (monotonic), at most `rate` a second. Returns 0: now; or after how many
 * milliseconds to ask again, and nothing is taken. rate 0: never a wait. */
uint32_t wq_pace_take(wq_pace *pace, uint32_t rate, uint64_t now_ms);

/* ------------------------------------------------------------------------------------------------ topics */

/* wq_topic_kind - what a message is for. Where a service has no topic of its own for one, its convention here is said in
 * that service's file. */
enum wq_topic_kind {
  WQ_TOPIC_OTHER = 0,          /* the service's, for none of these */
  WQ_TOPIC_TELEMETRY = 1,      /* device: measurements */
  WQ_TOPIC_EVENT = 2,          /* device: name */
  WQ_TOPIC_REPORT = 3,         /* device: its state (twin, shadow, properties) */
  WQ_TOPIC_REPORTED = 4,       /* to device: answer to a REPORT; status */
  WQ_TOPIC_STATE_GET = 5,      /* device: asks for its state as the service has it */
  WQ_TOPIC_STATE = 6,          /* to device: answer to STATE_GET; status. Azure: to a REPORT too, request says which */
  WQ_TOPIC_DESIRED = 7,        /* to device: the state that it should take on */
  WQ_TOPIC_DESIRED_DONE = 8,   /* device: it has, or has not */
  WQ_TOPIC_COMMAND = 9,        /* to device: name and, if an answer is wanted and the topic says to what, request */
  WQ_TOPIC_ANSWER = 10,        /* device: to a COMMAND */
  WQ_TOPIC_JOB_NEXT = 11,      /* device: asks for its next job */
  WQ_TOPIC_JOB = 12,           /* to device: a job, or news of one */
  WQ_TOPIC_JOB_UPDATE = 13,    /* device: how the job `request` goes */
  WQ_TOPIC_JOB_UPDATED = 14,   /* to device: answer to that; status */
  WQ_TOPIC_ERROR = 15,         /* to device: the service's complaint */
  WQ_TOPIC_REGISTER = 16,      /* device: asks for credentials */
  WQ_TOPIC_REGISTER_POLL = 17, /* device: asks what became of that; bag: operationId=... */
  WQ_TOPIC_REGISTERED = 18     /* to device: the answer */
};
#define WQ_TOPIC_BIT(kind) (1u << (kind))

/* wq_topic - a topic's parts. */
typedef struct wq_topic {
  uint8_t kind;    /* enum wq_topic_kind */
  uint16_t status; /* as in HTTP; 200 and 400 where a service only says yes or no; 0: none */
  wq_bytes device, scope;
  wq_bytes name;    /* of a command, event, shadow, document */
  wq_bytes request; /* which request this answers, or is to be answered */
  wq_bytes bag;     /* properties, encoded: wq_bag_read(), wq_bag_write() */
} wq_topic;

enum wq_topic_error {
  WQ_TOPIC_E_KIND = -1, /* the service has no such topic, or a part that it needs is missing */
  WQ_TOPIC_E_PART =
      -2, /* a part with / + # or U+0000 where that cannot be, or with which no valid topic or filter comes */
  WQ_TOPIC_E_ROOM = -3,
  WQ_TOPIC_E_BAG = -4 /* not percent-encoded as it should be */
};

/* wq_topic_build - the topic to publish to. Parts that are empty in `parts` are the seat's; parts that this topic has no
 * place for are passed over. Returns the length written, or enum wq_topic_error. */
int32_t wq_topic_build(const wq_seat *seat, const wq_topic *parts, uint8_t *dst, uint32_t room);

/* wq_topic_read - what a received topic means. seat: of the receiver; a device knows topics to devices, an operator (empty
 * device) those of devices. Views point into `topic`. Returns 0 or WQ_TOPIC_E_KIND. */
int wq_topic_read(const wq_seat *seat, wq_bytes topic, wq_topic *parts);

/* wq_topic_filter - the index-th filter, 0 and up, that a client in that seat subscribes to for the kinds in the set
 * `kinds` (WQ_TOPIC_BIT()). Returns its length, 0: no more, or enum wq_topic_error. */
int32_t wq_topic_filter(const wq_seat *seat, uint32_t kinds, uint32_t index, uint8_t *dst, uint32_t room);

/* wq_bag_write - append a property, percent-encoded, at dst[*length]. value.data NULL: a name alone. Returns 0 or
 * WQ_TOPIC_E_ROOM, and then nothing changed. */
int wq_bag_write(uint8_t *dst, uint32_t room, uint32_t *length, wq_bytes name, wq_bytes value);

/* wq_bag_read - take the next property off `bag`, decoded into dst, of which *name and *value are views; value.data is NULL
 * for a name alone. Returns 1, 0 at the end, WQ_TOPIC_E_ROOM or WQ_TOPIC_E_BAG. */
int wq_bag_read(wq_bytes *bag, uint8_t *dst, uint32_t room, wq_bytes *name, wq_bytes *value);

#ifdef __cplusplus
}
#endif
#endif
