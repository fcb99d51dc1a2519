/* SPDX-License-Identifier: MIT
 * State kept in step with the service's copy: the whole at each connection, changes in order and each once, reports that are
 * answered, put off, refused, lost. */
#include "dialogue.h"

#define AZURE_FILTERS "subscribe 1 $iothub/twin/res/# $iothub/twin/PATCH/properties/desired/#"
#define TWIN "{'desired':{'a':1,'$version':5},'reported':{'b':2,'$version':9}}"
#define TWIN_TOLD "tell state 200 v5 desired={\"a\":1,\"$version\":5} reported={\"b\":2,\"$version\":9}"

static void azure_asked(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, "d", "", ""), 0);
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(granted("\1\1"), "publish 0 $iothub/twin/GET/?$rid=1 ");
  CHECK_TEXT(nothing(), "wait 10000");
}

static void azure_in_step(void) {
  azure_asked();
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=1", json(TWIN)), TWIN_TOLD);
  CHECK_TEXT(nothing(), "wait");
}

#define DESIRED "$iothub/twin/PATCH/properties/desired/?$version="

static void azure_desired(void) {
  azure_in_step();
  CHECK_TEXT(message(DESIRED "5", "{}"), "wait"); /* known */
  CHECK_TEXT(message(DESIRED "6", json("{'c':null}")), "tell desired 200 v6 desired={\"c\":null}");
  CHECK_TEXT(message(DESIRED "6", json("{'c':null}")), "wait");
  CHECK_TEXT(message(DESIRED "7", json("{'c':")), "wait"); /* no JSON: as if it had not come */
  CHECK_TEXT(message("$iothub/twin/PATCH/properties/desired/?x=7", "{}"), "wait");
  CHECK_TEXT(message(DESIRED "7x", "{}"), "wait");
  CHECK_TEXT(message(DESIRED "8", "{}"), "publish 0 $iothub/twin/GET/?$rid=2 "); /* 7 was missed */
  CHECK_TEXT(message(DESIRED "9", "{}"), "wait 10000");                          /* while the whole is on its way */
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=2", json("{'desired':{'$version':8}}")),
             "tell state 200 v8 desired={\"$version\":8}");
  CHECK_TEXT(nothing(), "wait 2000"); /* 9 is not in it */
  CHECK_TEXT(later(2000), "publish 0 $iothub/twin/GET/?$rid=3 ");
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=3", json("{'desired':{'$version':9}}")),
             "tell state 200 v9 desired={\"$version\":9}");
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(message(DESIRED "10", "{}"), "tell desired 200 v10 desired={}");
  CHECK_TEXT(message(DESIRED "12", "{}"), "publish 0 $iothub/twin/GET/?$rid=4 ");
  for (int i = 4; i <= 5; i++) { /* a whole that stays behind what came before is asked for once more, not for ever */
    char topic[40];
    snprintf(topic, sizeof topic, "$iothub/twin/res/200/?$rid=%d", i);
    CHECK_TEXT(message(topic, json("{'desired':{'$version':11}}")), "tell state 200 v11 desired={\"$version\":11}");
    CHECK_TEXT(later(2000), i == 4 ? "publish 0 $iothub/twin/GET/?$rid=5 " : "wait");
  }
}

static void azure_report(void) {
  azure_in_step();
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_INT(wq_dialogue_report(&dialogue, false), WQ_E_STATE);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=2 <doc>");
  CHECK_INT(wq_dialogue_report(&dialogue, false), WQ_E_STATE);
  CHECK_TEXT(message("$iothub/twin/res/204/?$rid=1&$version=10", ""), "wait 10000"); /* to another */
  CHECK_TEXT(message(DESIRED "6", "{}"), "tell desired 200 v6 desired={}");
  CHECK_TEXT(message("$iothub/twin/res/204/?$rid=2&$version=10", ""), "tell reported 204 v10");
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=3&$version=10 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/412/?$rid=3", json("{'message':'no'}")), "tell reported 412 detail=no");
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/GET/?$rid=4 "); /* somebody changed it */
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=4", json(TWIN)), "tell state 200 v5 desired={\"a\":1,\"$version\":5} "
                                                                  "reported={\"b\":2,\"$version\":9}");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=5 <doc>");
}

/* What is reported counts by itself. */
static void azure_report_unchanged(void) {
  azure_in_step();
  CHECK_TEXT(message(DESIRED "6", "{}"), "tell desired 200 v6 desired={}");
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=2&$version=9 <doc>");
}

static void azure_put_off(void) {
  azure_in_step();
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=2 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/429/?$rid=2", ""), "wait 2000");
  CHECK_INT(wq_dialogue_report(&dialogue, false), WQ_E_STATE);
  CHECK_TEXT(later(2000), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=3 <doc>");
  CHECK_TEXT(later(10000), "wait 4000"); /* no answer is the same */
  CHECK_TEXT(later(4000), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=4 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/500/?$rid=4", ""), "wait 8000");
  CHECK_TEXT(later(8000), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=5 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/429/?$rid=5", ""), "wait 16000");
  CHECK_TEXT(later(16000), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=6 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/429/?$rid=6", ""), "tell reported 429"); /* five times is enough */
  CHECK_TEXT(nothing(), "wait");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=7 <doc>");
  CHECK_TEXT(message("$iothub/twin/res/400/?$rid=7", ""), "tell reported 400");
}

static void azure_lost(void) {
  azure_in_step();
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=2 <doc>");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(message("$iothub/twin/res/204/?$rid=2&$version=10", ""), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(message(DESIRED "6", "{}"), "wait"); /* before the whole was asked for */
  CHECK_TEXT(granted("\1\1"), "publish 0 $iothub/twin/GET/?$rid=3 ");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(granted("\1\1"), "publish 0 $iothub/twin/GET/?$rid=4 ");
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=4", json(TWIN)), TWIN_TOLD);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=5 <doc>"); /* again */
  CHECK_TEXT(message("$iothub/twin/res/204/?$rid=5&$version=10", ""), "tell reported 204 v10");
  CHECK_TEXT(nothing(), "wait");
}

/* The whole does not come: asked five times, told once, and asked again when there is a reason. */
static void azure_unanswered(void) {
  azure_asked();
  for (int i = 2; i <= 5; i++) {
    char text[60];
    snprintf(text, sizeof text, "wait %d", 1000 << (i - 1));
    CHECK_TEXT(later(10000), text);
    snprintf(text, sizeof text, "publish 0 $iothub/twin/GET/?$rid=%d ", i);
    CHECK_TEXT(later(UINT64_C(1000) << (i - 1)), text);
  }
  CHECK_TEXT(later(10000), "tell state 0");
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(message(DESIRED "6", "{}"), "publish 0 $iothub/twin/GET/?$rid=6 ");
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=6", "{}"), "wait 2000"); /* no state: as a fault of the service */
  CHECK_TEXT(later(2000), "publish 0 $iothub/twin/GET/?$rid=7 ");
  CHECK_TEXT(message("$iothub/twin/res/400/?$rid=7", ""), "tell state 400");
  CHECK_INT(wq_dialogue_get(&dialogue), 0);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/GET/?$rid=8 ");
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=8", json(TWIN)), TWIN_TOLD);
  azure_asked();
  for (int i = 1; i <= 4; i++)
    later(10000), later(UINT64_C(1000) << i);
  hear(WQ_HEARD_CLOSED), hear(WQ_HEARD_CONNECTED);
  CHECK_TEXT(granted("\1\1"), "publish 0 $iothub/twin/GET/?$rid=6 ");
  CHECK_TEXT(later(10000), "wait 2000"); /* counted anew on each connection */
}

static void azure_module(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, "d", "m", ""), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(granted("\1\x80"), "failed -2 128");
  CHECK_TEXT(message(DESIRED "6", "{}"), "failed -2 128");
}

/* ------------------------------------------------------------------------------------------------ AWS */

#define SHADOW "$aws/things/t/shadow/"
#define NAMED "$aws/things/t/shadow/name/cfg/"

static void aws_asked(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AWS, "t", "p", ""), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " SHADOW "get/accepted " SHADOW "get/rejected " SHADOW
                                       "update/accepted " SHADOW "update/rejected " SHADOW "update/delta");
  CHECK_TEXT(granted("\1\1\1\1\1"), "publish 0 " SHADOW "get ");
}

static void aws_in_step(void) {
  aws_asked();
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'desired':{'a':1},'reported':{'b':2}},'version':5}")),
             "tell state 200 v5 desired={\"a\":1} reported={\"b\":2}");
  CHECK_TEXT(nothing(), "wait");
}

static void aws_deltas(void) {
  aws_in_step();
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':5}")), "wait");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'state':{},'version':6,'clientToken':'app'}")), "wait");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':6}")),
             "tell desired 200 v6 desired={\"a\":3}");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':4},'version':9}")), /* the newest has it all */
             "tell desired 200 v9 desired={\"a\":4}");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':8}")), "wait");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3}}")), "wait");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'version':10}")), "wait");
  CHECK_TEXT(message(NAMED "update/delta", json("{'state':{'a':3},'version':10}")), "wait");
  CHECK_TEXT(message("$aws/things/u/shadow/update/delta", json("{'state':{'a':3},'version':10}")), "wait");
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'desired':{'a':1}},'version':20}")), "wait"); /* unasked */
}

/* A change that overtakes the whole is not told, and the whole is asked for again. */
static void aws_overtaken(void) {
  aws_asked();
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':6}")), "wait 10000");
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'desired':{'a':1}},'version':5}")),
             "tell state 200 v5 desired={\"a\":1}");
  CHECK_TEXT(later(2000), "publish 0 " SHADOW "get ");
}

/* Versions are counted from the whole on, and by what was reported. */
static void aws_report_counts(void) {
  static const struct {
    const char *first, *second;
    bool missed;
  } rows[] = {{"{'version':7,'clientToken':'2'}", NULL, true},
              {"{'version':6,'clientToken':'2'}", "{'version':7,'clientToken':'3'}", false},
              {"{'version':6,'clientToken':'2'}", "{'version':8,'clientToken':'3'}", true}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    aws_in_step();
    CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
    nothing();
    CHECK(strncmp(message(SHADOW "update/accepted", json(rows[i].first)), "tell reported 200", 17) == 0);
    if (rows[i].second != NULL) {
      CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
      CHECK(strncmp(nothing(), "publish 0 " SHADOW "update", 30) == 0);
      CHECK(strncmp(message(SHADOW "update/accepted", json(rows[i].second)), "tell reported 200", 17) == 0);
    }
    CHECK_TEXT(nothing(), rows[i].missed ? "publish 0 " SHADOW "get " : "wait");
  }
}

static void aws_report(void) {
  aws_in_step();
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"2\"}");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'version':6,'clientToken':'app'}")), "wait 10000");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'version':7,'clientToken':2}")), "wait 10000");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'version':8,'clientToken':'2'}")), "tell reported 200 v8");
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(),
             "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"3\",\"version\":8}");
  CHECK_TEXT(message(SHADOW "update/rejected", json("{'code':409,'message':'Version conflict','clientToken':'3'}")),
             "tell reported 409 detail=Version conflict");
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "get ");
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'reported':{'b':2}},'version':12}")),
             "tell state 200 v12 reported={\"b\":2}");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"5\"}");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'version':14,'clientToken':'5'}")), "tell reported 200 v14");
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "get "); /* 13 was missed */
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{},'version':14}")), "tell state 200 v14");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"7\"}");
  CHECK_TEXT(message(SHADOW "update/rejected", json("{'code':429,'clientToken':'7'}")), "wait 2000");
  CHECK_TEXT(later(2000), "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"8\"}");
  CHECK_TEXT(message(SHADOW "update/rejected", json("{'code':413,'clientToken':'8'}")), "tell reported 413");
}

/* Deleted while nobody looked, it counts from 1 again. */
static void aws_deleted(void) {
  aws_in_step();
  hear(WQ_HEARD_CLOSED), hear(WQ_HEARD_CONNECTED);
  CHECK_TEXT(granted("\1\1\1\1\1"), "publish 0 " SHADOW "get ");
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'desired':{}},'version':1}")),
             "tell state 200 v1 desired={}");
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':2}")),
             "tell desired 200 v2 desired={\"a\":3}");
  aws_in_step();
  hear(WQ_HEARD_CLOSED), hear(WQ_HEARD_CONNECTED);
  CHECK_TEXT(granted("\1\1\1\1\1"), "publish 0 " SHADOW "get ");
  CHECK_TEXT(message(SHADOW "get/rejected", json("{'code':404}")), "tell state 404");
  CHECK_TEXT(message(SHADOW "update/delta", json("{'state':{'a':3},'version':1}")),
             "tell desired 200 v1 desired={\"a\":3}");
}

static void aws_no_shadow(void) {
  aws_asked();
  CHECK_TEXT(message(SHADOW "get/rejected", json("{'code':404,'message':'No shadow exists with name: t'}")),
             "tell state 404 detail=No shadow exists with name: t");
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(), "publish 0 " SHADOW "update {\"state\":{\"reported\":<doc>},\"clientToken\":\"2\"}");
  CHECK_TEXT(message(SHADOW "update/accepted", json("{'version':1,'clientToken':'2'}")), "tell reported 200 v1");
  CHECK_TEXT(nothing(), "wait");
  aws_asked();
  CHECK_TEXT(message(SHADOW "get/rejected", "nonsense"), "tell state 400");
  aws_asked();
  CHECK_TEXT(message(SHADOW "get/rejected", json("{'code':600}")), "tell state 400"); /* none of HTTP's */
  aws_asked();
  CHECK_TEXT(message(SHADOW "get/rejected", json("{'code':500}")), "wait 2000");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
}

static void aws_named(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AWS, "t", "p", "cfg"), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " NAMED "get/accepted " NAMED "get/rejected " NAMED
                                       "update/accepted " NAMED "update/rejected " NAMED "update/delta");
  CHECK_TEXT(granted("\1\1\1\1\1"), "publish 0 " NAMED "get ");
  CHECK_TEXT(message(SHADOW "get/accepted", json("{'state':{'desired':{'a':1}},'version':5}")), "wait 10000");
  CHECK_TEXT(message(NAMED "get/accepted", json("{'state':{'desired':{'a':1}},'version':5}")),
             "tell state 200 v5 desired={\"a\":1}");
  CHECK_TEXT(message(NAMED "update/delta", json("{'state':{'a':3},'version':7}")),
             "tell desired 200 v7 desired={\"a\":3}");
}

/* ------------------------------------------------------------------------------------------------ Scaleway */

#define DOCUMENT "$SCW/twins/me/doc/"

static void scaleway(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_SCALEWAY, "d", "p", "doc"), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 0 $SCW/twins/me/#");
  CHECK_TEXT(granted(""), "publish 0 " DOCUMENT "get ");
  CHECK_TEXT(message("$SCW/twins/me/x/get/response/success", json("{'version':1,'data':{}}")), "wait 10000");
  CHECK_TEXT(message(DOCUMENT "get", ""), "wait 10000"); /* its own, through the same filter */
  CHECK_TEXT(message(DOCUMENT "get/response/success", json("{'version':3,'data':{'a':1}}")),
             "tell state 200 v3 desired={\"a\":1}");
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(), "publish 0 " DOCUMENT "patch {\"data\":<doc>,\"version\":3}");
  CHECK_TEXT(message(DOCUMENT "patch/response/error",
                     json("{'error':'document version mismatch','expected_version':3,'actual_version':4}")),
             "tell reported 409 detail=document version mismatch");
  CHECK_TEXT(nothing(), "publish 0 " DOCUMENT "get ");
  CHECK_TEXT(message(DOCUMENT "get/response/success", json("{'version':4,'data':{'a':2}}")),
             "tell state 200 v4 desired={\"a\":2}");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "publish 0 " DOCUMENT "patch {\"data\":<doc>}");
  CHECK_TEXT(message(DOCUMENT "patch/response/success", json("{'version':5,'data':{'a':3}}")), "tell reported 200 v5");
  CHECK_INT(wq_dialogue_get(&dialogue), 0);
  CHECK_TEXT(nothing(), "publish 0 " DOCUMENT "get ");
  CHECK_TEXT(message(DOCUMENT "get/response/error", json("{'error':'not found'}")), "tell state 400 detail=not found");
}

/* ------------------------------------------------------------------------------------------------ Alibaba */

static void alibaba(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_ALIBABA, "dn", "pk", ""), 0);
  CHECK(strncmp(hear(WQ_HEARD_CONNECTED), "subscribe 1 /sys/pk/dn/thing/event/property/post_reply ", 55) == 0);
  CHECK(strstr(said, " /shadow/get/pk/dn") != NULL && strstr(said, "property/set") == NULL);
  CHECK_TEXT(granted("\1\1\1"), "publish 0 /shadow/update/pk/dn {\"method\":\"get\"}");
  CHECK_TEXT(message("/shadow/get/pk/dn", json("{'method':'reply','payload':{'status':'success','state':{'reported':{"
                                               "'b':1},'desired':{'a':2}}},'version':4}")),
             "tell state 200 v4 desired={\"a\":2} reported={\"b\":1}");
  CHECK_TEXT(message("/shadow/get/pk/dn", json("{'method':'control','payload':{'status':'success','state':{'desired':{"
                                               "'a':3}},'version':6}}")),
             "tell desired 200 v6 desired={\"a\":3}");
  CHECK_TEXT(message("/shadow/get/pk/dn", json("{'method':'reply','payload':{'status':'success'},'version':7}")),
             "wait"); /* to an update of the host's */
  CHECK_INT(wq_dialogue_report(&dialogue, true), 0);
  CHECK_TEXT(nothing(), "publish 0 /sys/pk/dn/thing/event/property/post {\"id\":\"2147483649\",\"version\":\"1.0\","
                        "\"params\":<doc>,\"method\":\"thing.event.property.post\"}");
  CHECK_TEXT(message("/sys/pk/dn/thing/event/property/post_reply", json("{'id':'1','code':200}")), "wait 10000");
  CHECK_TEXT(message("/sys/pk/dn/thing/event/alarm/post_reply", json("{'id':'2147483649','code':200}")), "wait 10000");
  CHECK_TEXT(message("/sys/pk/dn/thing/event/property/post_reply", json("{'id':'2147483649','code':200,'data':{}}")),
             "tell reported 200");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK(strncmp(nothing(), "publish", 7) == 0);
  CHECK_TEXT(message("/sys/pk/dn/thing/event/property/post_reply",
                     json("{'id':'2147483650','code':460,'message':'request parameter error'}")),
             "tell reported 460 detail=request parameter error");
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK(strncmp(nothing(), "publish", 7) == 0);
  CHECK_TEXT(message("/sys/pk/dn/thing/event/property/post_reply", json("{'id':'2147483651','code':70000}")),
             "tell reported 500"); /* Alibaba's codes go beyond HTTP's */
  CHECK_INT(wq_dialogue_get(&dialogue), 0);
  CHECK_TEXT(nothing(), "publish 0 /shadow/update/pk/dn {\"method\":\"get\"}");
  CHECK_TEXT(message("/shadow/get/pk/dn", json("{'method':'reply','payload':{'status':'error','content':{'errorcode':"
                                               "404,'errormessage':'no shadow'}}}")),
             "tell state 404 detail=no shadow");
}

static void not_now(void) {
  uint32_t ticket;
  CHECK_INT(begin_as(WQ_DIALOGUE_REGISTER, WQ_ALIBABA, "d", "pk", ""), 0);
  CHECK_INT(wq_dialogue_report(&dialogue, false), WQ_E_STATE);
  CHECK_INT(wq_dialogue_get(&dialogue), WQ_E_STATE);
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), WQ_E_STATE);
  CHECK_INT(wq_dialogue_operation(&dialogue, text_bytes(""), text_bytes("f"), &ticket), WQ_E_STATE);
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, true, false), WQ_E_STATE);
  azure_asked(); /* a report may be asked for at any time */
  CHECK_INT(begin_as(WQ_DIALOGUE_STATE, WQ_AZURE_IOT_HUB, "d", "", ""), 0);
  CHECK_INT(wq_dialogue_report(&dialogue, false), 0);
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), AZURE_FILTERS);
  CHECK_TEXT(granted("\1\1"), "publish 0 $iothub/twin/GET/?$rid=1 ");
  CHECK_TEXT(message("$iothub/twin/res/200/?$rid=1", json(TWIN)), TWIN_TOLD);
  CHECK_TEXT(nothing(), "publish 0 $iothub/twin/PATCH/properties/reported/?$rid=2 <doc>");
}

int main(void) {
  rooms_make();
  check_case("Azure: changes in order, each once; what was missed is fetched", azure_desired);
  check_case("Azure: reports, one at a time, answered by number and version", azure_report);
  check_case("Azure: a report that hangs on what was reported before", azure_report_unchanged);
  check_case("Azure: a report that is put off, and given up", azure_put_off);
  check_case("Azure: the connection lost in each state", azure_lost);
  check_case("Azure: the twin does not come", azure_unanswered);
  check_case("Azure: a module; a subscription that is refused", azure_module);
  check_case("AWS: deltas by version, of this shadow only", aws_deltas);
  check_case("AWS: a delta that overtakes the whole", aws_overtaken);
  check_case("AWS: versions that a report has or skips", aws_report_counts);
  check_case("AWS: reports by token; conflicts; a version that was missed", aws_report);
  check_case("AWS: a shadow that was deleted", aws_deleted);
  check_case("AWS: no shadow yet", aws_no_shadow);
  check_case("AWS: a named shadow", aws_named);
  check_case("Scaleway: a document", scaleway);
  check_case("Alibaba: the shadow, and posted properties", alibaba);
  check_case("what an app may ask for, and when", not_now);
  return check_close();
}
