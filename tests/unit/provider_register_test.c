/* SPDX-License-Identifier: MIT
 * Dialogues that get credentials, and what all dialogues have in common: connecting, refusals, deadlines. */
#include "dialogue.h"

#define DPS "$dps/registrations/"
#define PUT "publish 0 " DPS "PUT/iotdps-register/?$rid="
#define POLL "publish 0 " DPS "GET/iotdps-get-operationstatus/?$rid="

/* To where the first question was sent. */
static void dps_asked(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_AZURE_IOT_HUB, "reg-\"1\"", "", ""), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(nothing(), "wait 300000");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(nothing(), "wait 300000");
  CHECK_TEXT(granted("\1"), PUT "1 {\"registrationId\":\"reg-\\\"1\\\"\"}");
  CHECK_TEXT(nothing(), "wait 10000");
}

#define ASSIGNING "{'operationId':'4.2f/8a&b','status':'assigning'}"

static void dps_polled(void) {
  dps_asked();
  CHECK_TEXT(message(DPS "res/202/?$rid=1&retry-after=7", json(ASSIGNING)), "wait 7000");
  CHECK_TEXT(later(6999), "wait 1");
  CHECK_TEXT(later(1), POLL "2&operationId=4.2f%2F8a%26b ");
}

#define ASSIGNED                                                                                                       \
  "{'operationId':'4.2f','status':'assigned','registrationState':{'registrationId':'reg-1',"                           \
  "'assignedHub':'hub-9.azure-devices.net','deviceId':'Dev-1','status':'assigned'}}"

#define ASSIGNED_AS "done host=hub-9.azure-devices.net device=Dev-1 registration=reg-\"1\""

static void dps(void) {
  dps_polled();
  CHECK_TEXT(message(DPS "res/202/?$rid=2", json("{'status':'assigning'}")), "wait 3000"); /* nothing said: 3 s */
  CHECK_TEXT(later(3000), POLL "3&operationId=4.2f%2F8a%26b ");
  CHECK_TEXT(message(DPS "res/200/?$rid=3", json(ASSIGNED)), ASSIGNED_AS);
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), ASSIGNED_AS);
  CHECK_TEXT(later(UINT32_MAX), ASSIGNED_AS);
  dps_asked();
  CHECK_TEXT(message(DPS "res/200/?$rid=1", json(ASSIGNED)), ASSIGNED_AS);
}

/* The values are such as the form takes for a second login, which is none for provisioning. */
static void logs_in(form *f, const char *client_id) {
  static wq_login login;
  const wq_step step = stepped(NULL);
  CHECK_INT(step.kind, WQ_STEP_DONE);
  for (int i = 0; i < step.values_n; i++) /* names are static texts */
    f->values[field_named(f->service, (const char *)step.values[i].name.data)] = step.values[i].value;
  CHECK_INT(wq_login_begin(&login, f->service, f->values, WQ_FIELDS_MAX, UINT64_C(1700000000000), 1), WQ_LOGIN_DONE);
  CHECK(!login.provisioning);
  CHECK_BYTES(login.client_id.data, login.client_id.len, (const uint8_t *)client_id, strlen(client_id));
}

static void second_login(void) {
  form azure = {.service = WQ_AZURE_IOT_HUB}, alibaba = {.service = WQ_ALIBABA}, token = {.service = WQ_ALIBABA};
  form cumulocity = {.service = WQ_CUMULOCITY};
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_AZURE_IOT_HUB, "reg-1", "", ""), 0);
  hear(WQ_HEARD_CONNECTED), granted("\1");
  message(DPS "res/200/?$rid=1", json(ASSIGNED));
  fill(&azure, "auth", "dps");
  fill(&azure, "key", "c2VjcmV0");
  logs_in(&azure, "Dev-1");
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "dn", "pk", ""), 0);
  hear(WQ_HEARD_CONNECTED), message("/ext/register", json("{'deviceSecret':'s3'}"));
  fill(&alibaba, "product", "pk");
  fill(&alibaba, "device", "dn");
  logs_in(&alibaba, "pk.dn|securemode=2,signmethod=hmacsha256|");
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "dn", "pk", ""), 0);
  hear(WQ_HEARD_CONNECTED), message("/ext/regnwl", json("{'clientId':'c1','deviceToken':'t2'}"));
  fill(&token, "product", "pk");
  fill(&token, "device", "dn");
  logs_in(&token, "c1|securemode=-2,authType=connwl|");
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_CUMULOCITY, "sn", "", ""), 0);
  hear(WQ_HEARD_CONNECTED), granted("\1"), message("s/dcr", "70,t1,device_sn,pw");
  fill(&cumulocity, "host", "t.cumulocity.com");
  fill(&cumulocity, "device", "sn");
  logs_in(&cumulocity, "d:sn");
}

static void dps_errors(void) {
  static const struct {
    const char *topic, *payload, *step;
  } rows[] = {
      {"401/?$rid=1", "{'errorCode':401002,'message':'Unauthorized'}", "failed -6 401 Unauthorized"},
      {"403/?$rid=1", "", "failed -6 403"},
      {"404/?$rid=1", "{'message':'No such \\u00e9'}", "failed -7 404 No such \xC3\xA9"},
      {"400/?$rid=1", "{'message':7}", "failed -8 400"},
      {"200/?$rid=1", "{'status':'failed','registrationState':{'errorMessage':'no hub'}}", "failed -9 200 no hub"},
      {"200/?$rid=1", "{'status':'disabled'}", "failed -10 200"},
      {"200/?$rid=1", "{'status':'other'}", "failed -11 200"},
      {"200/?$rid=1", "", "failed -11 200"},
      {"200/?$rid=1", "{'status':'assigned'", "failed -11 200"},
      {"200/?$rid=1", "{'status':'assigned'}", "failed -11 200"},
      {"200/?$rid=1", "{'status':'assigned','registrationState':{'assignedHub':'h'}}", "failed -11 200"},
      {"200/?$rid=1", "{'status':'assigned','registrationState':{'assignedHub':'a/b','deviceId':'d'}}",
       "failed -11 200"},
      {"200/?$rid=1", "{'status':'assigned','registrationState':{'assignedHub':'h','deviceId':''}}", "failed -11 200"},
      {"202/?$rid=1", "{'status':'assigning'}", "failed -11 202"},
      /* of no concern */
      {"401/?$rid=2", "", "wait 10000"},
      {"401/", "", "wait 10000"},
      {"401/?$rid=01", "", "wait 10000"},
      {"x/?$rid=1", "", "wait 10000"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char topic[80];
    snprintf(topic, sizeof topic, DPS "res/%s", rows[i].topic);
    dps_asked();
    CHECK_TEXT(message(topic, json(rows[i].payload)), rows[i].step);
    if (rows[i].step[0] == 'f') CHECK_TEXT(hear(WQ_HEARD_CONNECTED), rows[i].step);
  }
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=1", json(ASSIGNED)), "wait 10000");
}

static void dps_busy(void) {
  dps_asked();
  CHECK_TEXT(message(DPS "res/429/?$rid=1&retry-after=30", ""), "wait 30000");
  CHECK_TEXT(later(30000), PUT "2 {\"registrationId\":\"reg-\\\"1\\\"\"}");
  CHECK_TEXT(message(DPS "res/503/?$rid=2&retry-after=99999", ""), "wait 60000"); /* no longer than that */
  CHECK_TEXT(later(60000), PUT "3 {\"registrationId\":\"reg-\\\"1\\\"\"}");
  CHECK_TEXT(message(DPS "res/429/?$rid=3", ""), "wait 8000"); /* longer each time */
  CHECK_TEXT(later(210000 - 1), PUT "4 {\"registrationId\":\"reg-\\\"1\\\"\"}");
  CHECK_TEXT(later(1), "failed -5 429");
  dps_polled();
  CHECK_TEXT(message(DPS "res/429/?$rid=2", ""), "wait 3000");
  CHECK_TEXT(later(3000), POLL "3&operationId=4.2f%2F8a%26b ");
  CHECK_TEXT(message(DPS "res/202/?$rid=3&retry-after=99999", json("{'status':'assigning'}")), "wait 60000");
  CHECK_TEXT(later(300000), "failed -3 0"); /* it was busy, but not to the end */
}

static void dps_unanswered(void) {
  dps_asked();
  CHECK_TEXT(later(9999), "wait 1");
  CHECK_TEXT(later(1), "wait 2000");
  CHECK_TEXT(message(DPS "res/401/?$rid=1", ""), "wait 2000"); /* too late */
  CHECK_TEXT(later(2000), PUT "2 {\"registrationId\":\"reg-\\\"1\\\"\"}");
  CHECK_TEXT(later(10000), "wait 4000");
  CHECK_TEXT(later(300000), "failed -3 0");
}

/* The connection is lost in each state; a registration that runs is not begun again. */
static void dps_lost(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_AZURE_IOT_HUB, "d", "", ""), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(later(1000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 2000");
  CHECK_TEXT(granted("\1"), "wait 2000");
  CHECK_TEXT(later(2000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(granted("\1"), PUT "1 {\"registrationId\":\"d\"}");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(message(DPS "res/401/?$rid=1", ""), "wait 1000");
  CHECK_TEXT(later(1000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(granted("\1"), PUT "2 {\"registrationId\":\"d\"}");
  CHECK_TEXT(message(DPS "res/202/?$rid=2", json("{'status':'assigning','operationId':'7'}")), "wait 3000");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(later(3000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(granted("\1"), POLL "3&operationId=7 ");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#"); /* the end was not reported */
  CHECK_TEXT(granted("\1"), POLL "4&operationId=7 ");
  for (uint64_t pause = 1000; pause <= 64000; pause *= 2) { /* longer each time, to a minute */
    const uint64_t wait = pause > 60000 ? 60000 : pause;
    char text[20];
    snprintf(text, sizeof text, "wait %d", (int)wait);
    CHECK_TEXT(hear(WQ_HEARD_CLOSED), text);
    CHECK_TEXT(later(wait), "connect");
  }
}

/* However often. */
static void lost_for_a_day(void) {
  const wq_dialogue_args args = {
      .kind = WQ_DIALOGUE_REGISTER, .deadline_s = 86400, .seat = {WQ_ALIBABA, text_bytes("d"), text_bytes("pk")}};
  CHECK_INT(wq_dialogue_begin(&dialogue, &args, now), 0);
  CHECK_TEXT(nothing(), "connect");
  for (int i = 0; i < 300; i++) {
    hear(WQ_HEARD_CLOSED);
    if (i > 6) CHECK_TEXT(nothing(), "wait 60000");
    CHECK_TEXT(later(60000), "connect");
  }
}

static void refusals(void) {
  static const uint8_t final[] = {1, 2, 4, 5, 0x80, 0x86, 0x87, 0x9D}, passing[] = {3, 0x88, 0x89, 0x9F};
  for (size_t i = 0; i < sizeof final; i++) {
    CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "d", "pk", ""), 0);
    CHECK_TEXT(nothing(), "connect");
    char text[20];
    snprintf(text, sizeof text, "failed -1 %d", final[i]);
    CHECK_TEXT(refused(final[i]), text);
    CHECK_TEXT(hear(WQ_HEARD_CLOSED), text);
  }
  for (size_t i = 0; i < sizeof passing; i++) {
    CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "d", "pk", ""), 0);
    CHECK_TEXT(nothing(), "connect");
    CHECK_TEXT(refused(passing[i]), "wait 1000");
    CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  }
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_CUMULOCITY, "d", "", ""), 0); /* says 5 under load, too */
  for (int i = 0; i < 3; i++) {
    CHECK_TEXT(later(10000), "connect");
    CHECK(strncmp(refused(5), "wait", 4) == 0);
  }
  CHECK_TEXT(later(10000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/dcr"); /* three times more, then */
  hear(WQ_HEARD_CLOSED);
  for (int i = 0; i < 3; i++) {
    CHECK_TEXT(later(60000), "connect");
    CHECK(strncmp(refused(5), "wait", 4) == 0);
  }
  CHECK_TEXT(later(60000), "connect");
  CHECK_TEXT(refused(5), "failed -1 5");
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_AZURE_IOT_HUB, "d", "", ""), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " DPS "res/#");
  CHECK_TEXT(granted("\x80"), "failed -2 128");
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, "d", "", ""), 0); /* the host's business */
  CHECK_TEXT(refused(5), "wait");
}

static void cumulocity_asked(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_CUMULOCITY, "d", "", ""), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/dcr");
  CHECK_TEXT(granted("\1"), "publish 0 s/ucr ");
}

static void cumulocity(void) {
  cumulocity_asked();
  for (int i = 0; i < 20; i++) { /* in the same rhythm */
    CHECK_TEXT(nothing(), "wait 5000");
    CHECK_TEXT(later(5000), "publish 0 s/ucr ");
  }
  static const char *const passed_over[] = {
      "",         "71,t1,u,p",         "70",          "70,t1,u",     "70,,u,p", "70,t1,,p",
      "70,t1,u,", "71,a,b,c\n70,t1,u", "70,\xFF,u,p", "70,\"t1,u,p", "\n\n,,,", "7,0,1,2"};
  for (size_t i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++)
    CHECK_TEXT(message("s/dcr", passed_over[i]), "wait 5000");
  CHECK_TEXT(message("s/ds", "70,t1,u,p"), "wait 5000");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(message("s/dcr", "70,t1,u,p"), "wait 1000");
  CHECK_TEXT(later(1000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/dcr");
  CHECK_TEXT(granted("\1"), "wait 4000"); /* not before its time */
  CHECK_TEXT(later(4000), "publish 0 s/ucr ");
  CHECK_TEXT(message("s/dcr", "50,x\n70,t1,device_d,\"p\"\"w,\"\r\n70,a,b,c"),
             "done auth=password tenant=t1 username=device_d password=p\"w,*");
  wq_dialogue_wipe(&dialogue);
  static const wq_dialogue zeros;
  CHECK(memcmp(&dialogue, &zeros, sizeof zeros) == 0);
  cumulocity_asked();
  char longer[3000];
  memset(longer, 'x', sizeof longer);
  memcpy(longer, "70,t1,u,", 8);
  CHECK_TEXT(message_bytes("s/dcr", longer, sizeof longer), "wait 5000");
}

static void cumulocity_unaccepted(void) {
  cumulocity_asked();
  CHECK_TEXT(later(1799999), "publish 0 s/ucr ");
  CHECK_TEXT(nothing(), "wait 1");
  CHECK_TEXT(later(1), "failed -4 0");
  const wq_dialogue_args args = {
      .kind = WQ_DIALOGUE_REGISTER, .deadline_s = 7, .seat = {WQ_CUMULOCITY, text_bytes("d"), {NULL, 0}}};
  CHECK_INT(wq_dialogue_begin(&dialogue, &args, now), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(nothing(), "wait 7000");
  CHECK_TEXT(later(7000), "failed -4 0");
}

static void alibaba_connected(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "dn", "pk", ""), 0);
  CHECK_TEXT(nothing(), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "wait 300000");
}

static void alibaba(void) {
  static const struct {
    const char *topic, *payload, *step;
  } rows[] = {
      {"/ext/register", "{'productKey':'pk','deviceName':'dn','deviceSecret':'s3'}", "done auth=device secret=s3*"},
      {"/ext/register", "{'deviceSecret':'s3'}", "done auth=device secret=s3*"},
      {"/ext/regnwl", "{'productKey':'pk','deviceName':'dn','clientId':'c1','deviceToken':'t2'}",
       "done auth=token client=c1 token=t2*"},
      {"/ext/register", "{'productKey':'pk','deviceName':'other','deviceSecret':'s3'}", "failed -12 0"},
      {"/ext/register", "{'productKey':7,'deviceName':'dn','deviceSecret':'s3'}", "failed -12 0"},
      {"/ext/register", "{'deviceSecret':''}", "failed -11 0"},
      {"/ext/register", "{'deviceSecret':'\\ud800'}", "failed -11 0"},
      {"/ext/register", "{'deviceSecret':'s3'", "failed -11 0"},
      {"/ext/regnwl", "{'deviceToken':'t2'}", "failed -11 0"},
      {"/ext/regnwl", "", "failed -11 0"},
      {"/ext/other", "{'deviceSecret':'s3'}", "wait 300000"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    alibaba_connected();
    CHECK_TEXT(message(rows[i].topic, json(rows[i].payload)), rows[i].step);
  }
  alibaba_connected();
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait 1000");
  CHECK_TEXT(later(1000), "connect");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "wait 299000");
  CHECK_TEXT(later(299000), "failed -3 0");
}

/* A secret does not outlive a failure. */
static void nothing_kept(void) {
  alibaba_connected();
  CHECK_TEXT(message("/ext/regnwl", json("{'deviceToken':'very-secret','clientId':''}")), "failed -11 0");
  const char *bytes = (const char *)&dialogue;
  bool found = false;
  for (size_t i = 0; i + 11 <= sizeof dialogue; i++)
    found = found || memcmp(bytes + i, "very-secret", 11) == 0;
  CHECK(!found);
}

static void beginnings(void) {
  static const struct {
    uint8_t kind;
    uint8_t service;
    const char *device, *name;
    int result;
  } rows[] = {{WQ_DIALOGUE_REGISTER, WQ_AWS, "d", "", WQ_E_ARG},
              {WQ_DIALOGUE_REGISTER, WQ_SERVICES, "d", "", WQ_E_ARG},
              {WQ_DIALOGUE_REGISTER, WQ_CUMULOCITY, "", "", WQ_E_ARG},
              {WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "d", "n", WQ_E_ARG},
              {WQ_DIALOGUE_STATE, WQ_CLEARBLADE, "d", "", WQ_E_ARG},
              {WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, "d", "n", WQ_E_ARG},
              {WQ_DIALOGUE_STATE, WQ_SCALEWAY, "d", "", WQ_E_ARG},
              {WQ_DIALOGUE_STATE, WQ_SCALEWAY, "d", "n", 0},
              {WQ_DIALOGUE_STATE, WQ_AWS, "d", "", 0},
              {WQ_DIALOGUE_STATE, WQ_AWS, "d\xFF", "", WQ_E_ARG},
              {WQ_DIALOGUE_JOBS, WQ_AZURE_IOT_HUB, "d", "", WQ_E_ARG},
              {WQ_DIALOGUE_OPERATIONS, WQ_AWS, "d", "", WQ_E_ARG},
              {4, WQ_AWS, "d", "", WQ_E_ARG}};
  char longer[600];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CHECK_INT(begin_as(rows[i].kind, rows[i].service, rows[i].device, "", rows[i].name), rows[i].result);
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AWS, longer, "", ""), WQ_E_ARG);
  longer[500] = '\0';
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AWS, longer, "", ""), 0); /* five filters of that do not fit */
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "failed -13 0");
  for (int fault = -1; fault >= WQ_DIALOGUE_E_ROOM; fault--)
    CHECK(strlen(wq_dialogue_fault_text(fault)) > 20 &&
          strcmp(wq_dialogue_fault_text(fault), wq_dialogue_fault_text(0)));
}

int main(void) {
  rooms_make();
  check_case("DPS: asked, polled as often as it says, assigned", dps);
  check_case("what is given is good for the second login", second_login);
  check_case("DPS: each error, with the service's words; answers that are none; answers to others", dps_errors);
  check_case("DPS: too busy, until the deadline", dps_busy);
  check_case("DPS: no answer, until the deadline", dps_unanswered);
  check_case("DPS: the connection lost in each state", dps_lost);
  check_case("a connection that does not come to be", lost_for_a_day);
  check_case("a login or subscription that is refused", refusals);
  check_case("Cumulocity: asked until credentials come", cumulocity);
  check_case("Cumulocity: nobody accepts the device", cumulocity_unaccepted);
  check_case("Alibaba: what comes unasked", alibaba);
  check_case("a failure leaves no secret", nothing_kept);
  check_case("what can be begun", beginnings);
  return check_close();
}
