/* SPDX-License-Identifier: MIT
 * AWS IoT Core. The login is Signature Version 4 in the URL, for the service iotdevicegateway, where unlike elsewhere the
 * session token is appended unsigned, after the signature; or a custom authorizer, whose parameters stand in the URL or, as
 * AWS has it, behind the user name. Topics are free but for those that begin with $aws. */
#include "service.h"

#define DAY 8u              /* characters */
#define CONNECTION_S 86400u /* a signed connection is closed after a day */

static const char form[] =
    "h!|host|||Endpoint|Settings, Device data endpoint: NAME-ats.iot.REGION.amazonaws.com\n"
    "c|auth||sigv4=Access keys (signed URL),authorizer=Custom authorizer (in the URL),authorizer-connect=Custom "
    "authorizer "
    "(in CONNECT)|Sign in with|Keys of IAM, Cognito or STS; or an authorizer, whose parameters browsers have in the "
    "URL\n"
    "t|region|sigv4||Region|If it is not part of the endpoint: us-east-1\n"
    "k!|access-key|sigv4||Access key id|IAM, Security credentials: AKIA or ASIA and 16 more\n"
    "k!|secret-key|sigv4||Secret access key|Shown once, when the access key is made\n"
    "k|session-token|sigv4||Session token|With temporary credentials (ASIA...) only\n"
    "n|expires|sigv4|,1,604800|URL valid for, s|Seconds in which it can be used to connect; empty: as AWS has it\n"
    "t|authorizer|authorizer,authorizer-connect||Authorizer|Security, Authorizers: its name; empty: the default one\n"
    "t|token-key|authorizer,authorizer-connect||Token key name|As set in the authorizer, if it checks signatures\n"
    "k|token|authorizer,authorizer-connect||Token|What its function is given\n"
    "k|token-signature|authorizer,authorizer-connect||Token signature|Of the token, in base64\n"
    "t|username|authorizer,authorizer-connect||User name|For the authorizer's function\n"
    "s|password|authorizer,authorizer-connect||Password|For the authorizer's function\n"
    "t|client|||Client id|As the policy allows; empty: the thing's name, or one made at random\n" WQ_FREE_FIELDS;

static const char topics[] = "R)$aws/things/%d/shadow/name/%n/update\n"
                             "R)$aws/things/%d/shadow/update\n"
                             "r($aws/things/%d/shadow/name/%n/update/%+accepted\n"
                             "r($aws/things/%d/shadow/name/%n/update/%-rejected\n"
                             "r<$aws/things/%d/shadow/update/%+accepted\n"
                             "r<$aws/things/%d/shadow/update/%-rejected\n"
                             "G)$aws/things/%d/shadow/name/%n/get\n"
                             "G)$aws/things/%d/shadow/get\n"
                             "S($aws/things/%d/shadow/name/%n/get/%+accepted\n"
                             "S($aws/things/%d/shadow/name/%n/get/%-rejected\n"
                             "S<$aws/things/%d/shadow/get/%+accepted\n"
                             "S<$aws/things/%d/shadow/get/%-rejected\n"
                             "D($aws/things/%d/shadow/name/%n/update/delta\n"
                             "D<$aws/things/%d/shadow/update/delta\n"
                             "N)$aws/things/%d/jobs/start-next\n"
                             "J<$aws/things/%d/jobs/notify-next\n"
                             "J($aws/things/%d/jobs/notify\n"
                             "J($aws/things/%d/jobs/start-next/%+accepted\n"
                             "J($aws/things/%d/jobs/start-next/%-rejected\n"
                             "J($aws/things/%d/jobs/%r/get/%+accepted\n"
                             "J($aws/things/%d/jobs/%r/get/%-rejected\n"
                             "U)$aws/things/%d/jobs/%r/update\n"
                             "u($aws/things/%d/jobs/%r/update/%+accepted\n"
                             "u($aws/things/%d/jobs/%r/update/%-rejected\n"
                             "O)$aws/things/%d/shadow/delete\n"
                             "O)$aws/things/%d/shadow/name/%n/delete\n"
                             "O)$aws/things/%d/jobs/get\n"
                             "O)$aws/things/%d/jobs/%r/get\n"
                             "O)$aws/things/%d/streams/%N\n"
                             "O)$aws/things/%d/defender/metrics/%n\n"
                             "O)$aws/rules/%N\n"
                             "O)$aws/certificates/%N\n"
                             "O)$aws/provisioning-templates/%N\n" WQ_FREE_TOPICS_OUT;

static const wq_rule_row rules[] = {
    {WQ_RULE_QOS, WQ_ACTION_REFUSE, 0, 1, "It never acknowledges QoS 2"},
    {WQ_RULE_RETAIN, WQ_ACTION_REFUSE, 0, 1, NULL},
    {WQ_RULE_KEEP_ALIVE_MIN, WQ_ACTION_ADJUST, 0, 30, NULL},
    {WQ_RULE_KEEP_ALIVE_MAX, WQ_ACTION_ADJUST, 0, 1200, NULL},
    {WQ_RULE_CLIENT_ID_BYTES, WQ_ACTION_REFUSE, 0, 128, NULL},
    {WQ_RULE_CLIENT_ID_FIRST, WQ_ACTION_REFUSE, 0, '$', NULL},
    {WQ_RULE_PAYLOAD_BYTES, WQ_ACTION_REFUSE, 0, 131072, NULL},
    {WQ_RULE_TOPIC_BYTES, WQ_ACTION_REFUSE, 0, 256, NULL},
    {WQ_RULE_TOPIC_SLASHES, WQ_ACTION_REFUSE, 0, 7, NULL},
    {WQ_RULE_TOPIC, WQ_ACTION_REFUSE, 0, 1, "It closes the connection"},
    {WQ_RULE_SUBSCRIBE_QOS, WQ_ACTION_REFUSE, 0, 1, "It never answers a SUBSCRIBE with QoS 2"},
    {WQ_RULE_WILDCARD_RETAINED, WQ_ACTION_WARN, 0, 0, NULL},
    {WQ_RULE_SUBSCRIPTION_ID, WQ_ACTION_REFUSE, 0, 0, NULL},
    {WQ_RULE_FILTERS_AT_ONCE, WQ_ACTION_ADJUST, 0, 8, NULL},
    {WQ_RULE_FILTERS, WQ_ACTION_REFUSE, 0, 50, NULL},
    {WQ_RULE_INFLIGHT, WQ_ACTION_ADJUST, 0, 100, NULL},
    {WQ_RULE_PUBLISH_RATE, WQ_ACTION_ADJUST, 0, 100, NULL},
    {WQ_RULE_CONNECT_RATE, WQ_ACTION_ADJUST, 0, 1, NULL},
};

/* ------------------------------------------------------------------------------------------------ login */

/* The label behind "iot" in the endpoint: also in China, where the label before it is "ats". When values are checked, the
 * host is as it was typed, with capitals or without. */
static wq_bytes region_of(wq_bytes region, wq_bytes host) {
  static const char iot[] = ".iot.";
  uint32_t at = 0, matched = 0, end;
  if (region.len != 0) return region;
  for (; at < host.len && matched < sizeof iot - 1; at++) {
    uint8_t c = host.data[at] | 0x20;
    matched = c == (uint8_t)iot[matched] ? matched + 1 : c == '.';
  }
  if (matched < sizeof iot - 1) return region;
  for (end = at; end < host.len && host.data[end] != '.'; end++)
    ;
  return (wq_bytes){host.data + at, end < host.len ? end - at : 0};
}

static int check(const wq_values *v, const char **field) {
  wq_bytes secret = wq_value(v, "secret-key");
  if (secret.len == 20 && (wq_text_starts(secret, "AKIA") || wq_text_starts(secret, "ASIA"))) {
    *field = "secret-key";
    return WQ_FAULT_ACCESS_KEY_ID;
  }
  if (secret.len != 0 && region_of(wq_value(v, "region"), wq_value(v, "host")).len == 0) {
    *field = "region";
    return WQ_FAULT_REGION;
  }
  static const char *const trio[] = {"token-key", "token", "token-signature"};
  uint32_t given = 0;
  for (uint32_t i = 0; i < 3; i++)
    given += wq_value(v, trio[i]).len != 0;
  *field = "token";
  return given % 3 == 0 ? 0 : WQ_FAULT_SIGNATURE;
}

/* part 0: the region, then the query, then the URL so far; 1: the scope; 2: date and time; 3: what is signed */
static int sign_request(wq_login *l) {
  wq_writer w = {l->at, l->end, false};
  wq_write_date(&w, l->unix_ms / 1000);
  l->part[2] = (wq_bytes){l->at, 16};
  if (w.failed) return WQ_FAULT_TOO_LONG;
  l->at = w.at;
  l->part[0] = region_of(wq_login_value(l, "region"), wq_login_value(l, "host"));
  l->part[3] = (wq_bytes){l->part[2].data, DAY};
  l->part[1] = wq_login_text(l, "{3}/{0}/iotdevicegateway/aws4_request");
  const bool expires = wq_login_value(l, "expires").len != 0;
  wq_bytes query =
      wq_login_text(l, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={^access-key}%2F{^1}&X-Amz-Date={2}");
  query.len += wq_login_text(l, expires ? "&X-Amz-Expires={expires}" : "").len;
  query.len += wq_login_text(l, "&X-Amz-SignedHeaders=host").len;
  l->part[0] = query;
  wq_bytes request = wq_login_text(l, "GET\n/mqtt\n{0}\nhost:{host}\n\nhost\n"
                                      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  wq_crypto_digest(&l->op, WQ_SHA256, request.data, request.len);
  l->part[0] = wq_login_text(l, "wss://{host}/mqtt?{0}&X-Amz-Signature=");
  return WQ_LOGIN_PENDING;
}

/* One link of the chain of keys: the last result signs the next word. */
static int chain(wq_login *l, wq_bytes word) {
  uint8_t key[32];
  memcpy(key, l->op.result, sizeof key);
  wq_login_hmac(l, WQ_SHA256, (wq_bytes){key, sizeof key}, word);
  wq_wipe(key, sizeof key);
  return WQ_LOGIN_PENDING;
}

static int sign(wq_login *l) {
  switch (l->phase++) {
  case 0: return sign_request(l);
  case 1: {
    l->part[3] = wq_login_text(l, "AWS4-HMAC-SHA256\n{2}\n{1}\n{#}");
    wq_bytes key = wq_login_text(l, "AWS4{secret-key}");
    wq_login_hmac(l, WQ_SHA256, key, (wq_bytes){l->part[2].data, DAY});
    l->at -= key.len;
    wq_wipe(l->at, key.len);
    return WQ_LOGIN_PENDING;
  }
  case 2: return chain(l, region_of(wq_login_value(l, "region"), wq_login_value(l, "host")));
  case 3: return chain(l, WQ_TEXT("iotdevicegateway"));
  case 4: return chain(l, WQ_TEXT("aws4_request"));
  case 5: return chain(l, l->part[3]);
  default: break;
  }
  const bool token = wq_login_value(l, "session-token").len != 0;
  l->unopened =
      "AWS answers credentials that are wrong with HTTP 403, which browsers do not show. Check the access key id "
      "and its secret, the session token (temporary keys need one, and end with it), the region, the endpoint, "
      "and the clock of this computer.";
  l->url = wq_login_text(l, token ? "{0}{#}&X-Amz-Security-Token={^session-token}" : "{0}{#}");
  wq_login_expires(l, CONNECTION_S);
  return WQ_LOGIN_DONE;
}

/* The authorizer's parameters. In CONNECT they stand as they are but for the signature; so does what the person encoded. */
static wq_bytes parameters(wq_login *l, bool url) {
  const bool name = wq_login_value(l, "authorizer").len != 0, token = wq_login_value(l, "token").len != 0;
  const bool encoded = wq_text_find(wq_login_value(l, "token-signature"), "%", NULL);
  if (name)
    l->part[0] = wq_login_text(l, url ? "x-amz-customauthorizer-name={^authorizer}"
                                      : "x-amz-customauthorizer-name={authorizer}");
  if (!token) return l->part[0];
  l->part[1] = wq_login_text(l, encoded ? "{token-signature}" : "{^token-signature}");
  l->part[2] = wq_login_text(l, url ? "{^token-key}={^token}" : "{token-key}={token}");
  return wq_login_text(l, name ? "{0}&{2}&x-amz-customauthorizer-signature={1}"
                               : "{2}&x-amz-customauthorizer-signature={1}");
}

static int login(wq_login *l) {
  if (l->phase == 0) l->client_id = wq_login_client(l);
  if (wq_login_is(l, "auth", "sigv4")) return sign(l);
  const bool url = wq_login_is(l, "auth", "authorizer");
  l->part[0] = parameters(l, url);
  const bool any = l->part[0].len != 0;
  l->url = wq_login_text(l, url && any ? "wss://{host}/mqtt?{0}" : "wss://{host}/mqtt");
  wq_login_user(l);
  const bool more = wq_text_find(wq_login_value(l, "username"), "?", NULL); /* parameters of the person's own */
  if (!url && any) l->username = wq_login_text(l, more ? "{username}&{0}" : "{username}?{0}");
  return WQ_LOGIN_DONE;
}

const wq_service_def wq_aws = {
    .info = {"aws", "AWS IoT Core", form, NULL, WQ_VERSIONS_NEW, true, 60},
    .topics = topics,
    .rules = rules,
    .rules_n = sizeof rules / sizeof rules[0],
    .check = check,
    .login = login,
};
