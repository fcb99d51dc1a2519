/* SPDX-License-Identifier: MIT
 * Jobs of AWS, one after the other; operations of Cumulocity, whose answers go out in the order in which the service takes
 * them. */
#include "dialogue.h"

#define JOBS "$aws/things/t/jobs/"
#define START(id) "publish 0 " JOBS "start-next {\"clientToken\":\"" #id "\"}"
#define EXECUTION(job, version, run)                                                                                   \
  "'execution':{'jobId':'" job "','status':'IN_PROGRESS','versionNumber':" #version ",'executionNumber':" #run         \
  ",'jobDocument':{'do':1},'statusDetails':{'step':'2'}}"
#define UPDATE(id, job, status, version, details)                                                                      \
  "publish 0 " JOBS job "/update {\"clientToken\":\"" #id "\",\"status\":\"" status "\",\"expectedVersion\":" #version \
  ",\"includeJobExecutionState\":true" details "}"
#define DETAILS ",\"statusDetails\":<doc>"

static void asked(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_JOBS, WQ_AWS, "t", "p", ""), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " JOBS "notify-next");
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j0", 1, 1) "}")), "wait");
  CHECK_TEXT(granted("\1"), START(1));
}

static void at_work(void) {
  asked();
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'1'," EXECUTION("j1", 2, 7) "}")),
             "tell job 200 v2 name=j1 details={\"step\":\"2\"} text={\"do\":1}");
  CHECK_TEXT(nothing(), "wait");
}

static void jobs(void) {
  at_work();
  CHECK_INT(wq_dialogue_job(&dialogue, 4, false), WQ_E_STATE);
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_IN_PROGRESS, true), 0);
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), WQ_E_STATE);
  CHECK_TEXT(nothing(), UPDATE(2, "j1", "IN_PROGRESS", 2, DETAILS));
  CHECK_TEXT(message(JOBS "j1/update/accepted", json("{'clientToken':'1'}")), "wait 10000");
  CHECK_TEXT(message(JOBS "j2/update/accepted", json("{'clientToken':'2'}")), "wait 10000");
  CHECK_TEXT(message(JOBS "j1/update/accepted", "{"), "wait 10000");
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'2'," EXECUTION("j9", 1, 1) "}")), "wait 10000");
  CHECK_TEXT(message(JOBS "j1/update/accepted", json("{'clientToken':'2','executionState':{'versionNumber':5}}")),
             "tell updated 200 v5 name=j1");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_SUCCEEDED, false), 0);
  CHECK_TEXT(nothing(), UPDATE(3, "j1", "SUCCEEDED", 5, ""));
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j2", 1, 1) "}")), "wait 10000"); /* for it is over */
  CHECK_TEXT(message(JOBS "j1/update/accepted", json("{'clientToken':'3'}")), "tell updated 200 v6 name=j1");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), WQ_E_STATE);
  CHECK_TEXT(nothing(), START(4));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'4'," EXECUTION("j2", 2, 1) "}")),
             "tell job 200 v2 name=j2 details={\"step\":\"2\"} text={\"do\":1}");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_REJECTED, true), 0);
  CHECK_TEXT(nothing(), UPDATE(5, "j2", "REJECTED", 2, DETAILS));
  CHECK_TEXT(message(JOBS "j2/update/accepted", json("{'clientToken':'5'}")), "tell updated 200 v3 name=j2");
  CHECK_TEXT(nothing(), START(6));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'6'}")), "wait"); /* no more */
  CHECK_TEXT(message(JOBS "notify", json("{'jobs':{'QUEUED':[]}}")), "wait");
  CHECK_TEXT(message(JOBS "notify-next", "nonsense"), "wait");
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j3", 1, 1) "}")), START(7));
}

/* A job is told of while the next one is being asked for: one question is enough. */
static void job_told_twice(void) {
  asked();
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j1", 1, 7) "}")), "wait 10000");
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'1'," EXECUTION("j1", 2, 7) "}")),
             "tell job 200 v2 name=j1 details={\"step\":\"2\"} text={\"do\":1}");
  CHECK_TEXT(nothing(), "wait");
}

static void job_gone(void) {
  at_work();
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j1", 2, 7) "}")), "wait");
  CHECK_TEXT(message(JOBS "notify-next", json("{" EXECUTION("j9", 1, 1) "}")), "tell gone 410 v2 name=j1");
  CHECK_TEXT(nothing(), START(2));
  at_work();
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_IN_PROGRESS, false), 0);
  CHECK_TEXT(nothing(), UPDATE(2, "j1", "IN_PROGRESS", 2, ""));
  CHECK_TEXT(message(JOBS "notify-next", json("{}")), "tell gone 410 v2 name=j1"); /* and its update with it */
  CHECK_TEXT(nothing(), START(3));
  CHECK_TEXT(message(JOBS "j1/update/rejected", json("{'clientToken':'2','code':'TerminalStateReached'}")),
             "wait 10000");
  at_work();
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_IN_PROGRESS, false), 0);
  CHECK_TEXT(nothing(), UPDATE(2, "j1", "IN_PROGRESS", 2, ""));
  CHECK_TEXT(message(JOBS "j1/update/rejected", json("{'clientToken':'2','code':'InternalError'}")), "wait 2000");
  CHECK_TEXT(message(JOBS "notify-next", json("{}")), "tell gone 410 v2 name=j1");
  CHECK_TEXT(nothing(), START(3));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'3'," EXECUTION("j2", 2, 1) "}")),
             "tell job 200 v2 name=j2 details={\"step\":\"2\"} text={\"do\":1}");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), 0);
  CHECK_TEXT(nothing(), UPDATE(4, "j2", "FAILED", 2, "")); /* what the other waited for is not waited for */
  CHECK_TEXT(later(10000), "wait 2000");                   /* nor its tries counted */
  at_work();                                               /* the same job, run once more */
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " JOBS "notify-next");
  CHECK_TEXT(granted("\1"), START(2));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'2'," EXECUTION("j1", 2, 8) "}")),
             "tell gone 410 v2 name=j1");
  CHECK_TEXT(nothing(), START(3));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'3'," EXECUTION("j1", 2, 8) "}")),
             "tell job 200 v2 name=j1 details={\"step\":\"2\"} text={\"do\":1}");
}

static void job_errors(void) {
  static const struct {
    const char *payload, *step, *then;
  } rows[] = {
      {"'code':'InvalidRequest','message':'what'", "tell updated 400 v2 name=j1 detail=what", "wait"},
      {"'code':'ResourceNotFound'", "tell updated 404 v2 name=j1", START(3)},
      {"'code':'TerminalStateReached'", "tell updated 410 v2 name=j1", START(3)},
      {"'code':'InvalidStateTransition'", "tell updated 409 v2 name=j1", "wait"},
      {"'code':'RequestThrottled'", "wait 2000", "wait 2000"},
      {"'code':'InternalError'", "wait 2000", "wait 2000"},
      {"'code':'VersionMismatch','executionState':{'status':'IN_PROGRESS','versionNumber':4}", "wait 2000",
       "wait 2000"},
      {"'code':'VersionMismatch','executionState':{'status':'IN_PROGRESS','versionNumber':2}",
       "tell updated 409 v2 name=j1", "wait"},
      {"'code':'VersionMismatch','executionState':{'status':'CANCELED','versionNumber':4}",
       "tell updated 410 v2 name=j1", START(3)},
      {"'code':'VersionMismatch','executionState':{'status':'FAILED','versionNumber':4}", /* our own, answered late */
       "tell updated 200 v2 name=j1", START(3)},
      {"'code':'VersionMismatch'", "tell updated 409 v2 name=j1", "wait"},
      {"'code':7", "tell updated 400 v2 name=j1", "wait"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char payload[200];
    at_work();
    CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), 0);
    CHECK_TEXT(nothing(), UPDATE(2, "j1", "FAILED", 2, ""));
    snprintf(payload, sizeof payload, "{'clientToken':'2',%s}", rows[i].payload);
    CHECK_TEXT(message(JOBS "j1/update/rejected", json(payload)), rows[i].step);
    CHECK_TEXT(nothing(), rows[i].then);
  }
}

/* An update that was not answered goes again, with the version that the service has by then. */
static void job_lost(void) {
  at_work();
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_IN_PROGRESS, true), 0);
  CHECK_TEXT(nothing(), UPDATE(2, "j1", "IN_PROGRESS", 2, DETAILS));
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " JOBS "notify-next");
  CHECK_TEXT(granted("\1"), UPDATE(3, "j1", "IN_PROGRESS", 2, DETAILS));
  CHECK_TEXT(message(JOBS "j1/update/rejected", json("{'clientToken':'3','code':'VersionMismatch','executionState':{"
                                                     "'status':'IN_PROGRESS','versionNumber':3}}")),
             START(4));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'4'," EXECUTION("j1", 3, 7) "}")), "wait 4000");
  CHECK_TEXT(later(4000), UPDATE(5, "j1", "IN_PROGRESS", 3, DETAILS));
  CHECK_TEXT(message(JOBS "j1/update/accepted", json("{'clientToken':'5'}")), "tell updated 200 v4 name=j1");
  CHECK_TEXT(nothing(), "wait");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), 0);
  CHECK_TEXT(nothing(), UPDATE(6, "j1", "FAILED", 4, ""));
  for (int i = 1; i < 5; i++) {
    CHECK(strncmp(later(10000), "wait ", 5) == 0);
    CHECK(strncmp(later(UINT64_C(1000) << i), "publish", 7) == 0);
  }
  CHECK_TEXT(later(10000), "tell updated 0 v4 name=j1"); /* five times is enough; the job stays */
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), 0);
  CHECK_TEXT(nothing(), UPDATE(11, "j1", "FAILED", 4, ""));
  CHECK_TEXT(later(10000), "wait 2000"); /* counted anew */
  at_work();
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " JOBS "notify-next");
  CHECK_TEXT(granted("\1"), START(2));
  CHECK_TEXT(message(JOBS "start-next/accepted", json("{'clientToken':'2'," EXECUTION("j1", 5, 7) "}")), "wait");
  CHECK_INT(wq_dialogue_job(&dialogue, WQ_JOB_FAILED, false), 0);
  CHECK_TEXT(nothing(), UPDATE(3, "j1", "FAILED", 5, "")); /* its version is another by now */
}

static void start_errors(void) {
  asked();
  for (int i = 1; i <= 4; i++)
    later(10000), later(UINT64_C(1000) << i);
  hear(WQ_HEARD_CLOSED), hear(WQ_HEARD_CONNECTED);
  CHECK_TEXT(granted("\1"), START(6));
  CHECK_TEXT(later(10000), "wait 2000"); /* counted anew on each connection */
  asked();
  CHECK_TEXT(message(JOBS "start-next/rejected", json("{'clientToken':'9','code':'InternalError'}")), "wait 10000");
  CHECK_TEXT(message(JOBS "start-next/rejected", json("{'clientToken':'1','code':'InternalError'}")), "wait 2000");
  CHECK_TEXT(later(2000), START(2));
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 " JOBS "notify-next");
  CHECK_TEXT(granted("\1"), START(3));
  char longer[200];
  snprintf(longer, sizeof longer, "{'clientToken':'3','execution':{'jobId':'%065d'}}", 1);
  CHECK_TEXT(message(JOBS "start-next/accepted", json(longer)), "wait"); /* no id of AWS's is that long */
}

/* ------------------------------------------------------------------------------------------------ Cumulocity */

static const char *acknowledged(void) {
  const wq_step step = stepped(&(wq_heard){.kind = WQ_HEARD_PUBLISHED, .request = dialogue.id});
  return describe_step(&step);
}

static uint32_t came(const char *child, const char *fragment) {
  uint32_t ticket = 0;
  CHECK_INT(wq_dialogue_operation(&dialogue, text_bytes(child), text_bytes(fragment), &ticket), 0);
  return ticket;
}

#define CLEARED(fragment) "publish 1 s/us 507," fragment ",The device lost track of it"

static void ready_for_operations(void) {
  CHECK_INT(begin_as(WQ_DIALOGUE_OPERATIONS, WQ_CUMULOCITY, "d", "", ""), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), CLEARED(""));
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(acknowledged(), "publish 1 s/us 500");
  CHECK_TEXT(acknowledged(), "wait");
}

static void operations(void) {
  ready_for_operations();
  CHECK_INT(came("", "c8y_Restart"), 1);
  CHECK_TEXT(nothing(), "publish 1 s/us 501,c8y_Restart #1");
  CHECK_TEXT(nothing(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, true, false), 0);
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, true, false), WQ_E_TOKEN);
  CHECK_INT(wq_dialogue_finish(&dialogue, 2, true, false), WQ_E_TOKEN);
  CHECK_TEXT(nothing(), "wait"); /* the 501 first */
  const wq_step other = stepped(&(wq_heard){.kind = WQ_HEARD_PUBLISHED, .request = dialogue.id - 1});
  CHECK_INT(other.kind, WQ_STEP_WAIT);
  CHECK_TEXT(acknowledged(), "publish 1 s/us 503,c8y_Restart #1");
  CHECK_TEXT(acknowledged(), "tell operation 200 #1");
  CHECK_TEXT(nothing(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, true, false), WQ_E_TOKEN);
  CHECK_INT(came("", "c8y_Command"), 2);
  CHECK_TEXT(nothing(), "publish 1 s/us 501,c8y_Command #2");
  CHECK_TEXT(acknowledged(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 2, false, true), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us 502,c8y_Command,<doc> #2");
  CHECK_TEXT(nothing(), "wait");
  CHECK_TEXT(acknowledged(), "tell operation 200 #2");
  CHECK_TEXT(nothing(), "wait");
}

/* Of one fragment and child, answers keep the order of arrival; others do not wait. */
static void operations_in_order(void) {
  ready_for_operations();
  came("", "c8y_A"), came("", "c8y_A"), came("kid", "c8y_A"), came("", "c8y_B");
  CHECK_TEXT(nothing(), "publish 1 s/us 501,c8y_A #1");
  CHECK_TEXT(acknowledged(), "publish 1 s/us 501,c8y_A #2");
  CHECK_TEXT(acknowledged(), "publish 1 s/us/kid 501,c8y_A #3");
  CHECK_TEXT(acknowledged(), "publish 1 s/us 501,c8y_B #4");
  CHECK_TEXT(acknowledged(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 2, true, true), 0);
  CHECK_TEXT(nothing(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 4, true, false), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us 503,c8y_B #4");
  CHECK_TEXT(acknowledged(), "tell operation 200 #4");
  CHECK_INT(wq_dialogue_finish(&dialogue, 3, false, false), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us/kid 502,c8y_A #3");
  CHECK_TEXT(acknowledged(), "tell operation 200 #3");
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, false, false), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us 502,c8y_A #1");
  CHECK_TEXT(acknowledged(), "tell operation 200 #1");
  CHECK_TEXT(nothing(), "publish 1 s/us 503,c8y_A,<doc> #2");
  CHECK_TEXT(acknowledged(), "tell operation 200 #2");
  CHECK_TEXT(nothing(), "wait");
}

/* A child and a fragment are not taken for others that only read the same. */
static void operations_apart(void) {
  ready_for_operations();
  came("k", "ic8y_A"), came("ki", "c8y_A");
  CHECK_TEXT(nothing(), "publish 1 s/us/k 501,ic8y_A #1");
  CHECK_TEXT(acknowledged(), "publish 1 s/us/ki 501,c8y_A #2");
  CHECK_TEXT(acknowledged(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 2, true, false), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us/ki 503,c8y_A #2");
}

/* What was acknowledged outlives the connection; what was not is cleared, and over. */
static void operations_lost(void) {
  ready_for_operations();
  came("", "c8y_A"), came("", "c8y_B"), came("", "c8y_B"), came("", "c8y_C");
  CHECK_TEXT(nothing(), "publish 1 s/us 501,c8y_A #1");
  CHECK_TEXT(acknowledged(), "publish 1 s/us 501,c8y_B #2");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 1, true, false), 0);
  CHECK_INT(wq_dialogue_finish(&dialogue, 3, true, false), WQ_E_TOKEN);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), "tell operation 410 #2");
  CHECK_TEXT(nothing(), "tell operation 410 #3");
  CHECK_TEXT(nothing(), CLEARED("c8y_B"));
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), CLEARED("c8y_B"));
  CHECK_TEXT(acknowledged(), "publish 1 s/us 503,c8y_A #1");
  CHECK_TEXT(acknowledged(), "tell operation 200 #1");
  CHECK_TEXT(nothing(), "publish 1 s/us 501,c8y_C #4"); /* before what waits is sent again */
  CHECK_TEXT(acknowledged(), "publish 1 s/us 500");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), "publish 1 s/us 500"); /* nothing to be cleared */
  CHECK_TEXT(acknowledged(), "wait");
  CHECK_INT(wq_dialogue_finish(&dialogue, 4, true, false), 0);
  CHECK_TEXT(nothing(), "publish 1 s/us 503,c8y_C #4");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), "tell operation 410 #4");
  CHECK_TEXT(nothing(), CLEARED("c8y_C"));
}

static void operations_child_lost(void) {
  ready_for_operations();
  came("kid", "c8y_A");
  CHECK_TEXT(nothing(), "publish 1 s/us/kid 501,c8y_A #1");
  CHECK_TEXT(hear(WQ_HEARD_CLOSED), "wait");
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), "tell operation 410 #1");
  CHECK_TEXT(nothing(), "publish 1 s/us/kid 507,c8y_A,The device lost track of it");
}

static void operations_resumed(void) {
  const wq_dialogue_args args = {
      .kind = WQ_DIALOGUE_OPERATIONS, .resume = true, .seat = {WQ_CUMULOCITY, text_bytes("d"), {NULL, 0}}};
  CHECK_INT(wq_dialogue_begin(&dialogue, &args, now), 0);
  CHECK_TEXT(hear(WQ_HEARD_CONNECTED), "subscribe 1 s/ds");
  CHECK_TEXT(granted("\1"), "publish 1 s/us 500");
}

static void operation_arguments(void) {
  char longer[140];
  uint32_t ticket = 99;
  memset(longer, 'x', sizeof longer - 1);
  ready_for_operations();
  static const char *const bad[][2] = {{"", ""},     {"", "a b"},  {"", "a,b"}, {"", "a\"b"}, {"", "a\n"},
                                       {"", "\xFF"}, {"k/k", "a"}, {"+", "a"},  {"#", "a"},   {"k ", "a"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    CHECK_INT(wq_dialogue_operation(&dialogue, text_bytes(bad[i][0]), text_bytes(bad[i][1]), &ticket), WQ_E_ARG);
  for (uint32_t n = 126; n <= 129; n++) {
    const wq_bytes name = {(const uint8_t *)longer, n};
    CHECK_INT(wq_dialogue_operation(&dialogue, text_bytes("kk"), name, &ticket), n == 126 ? 0 : WQ_E_ARG);
  }
  CHECK_INT(ticket, 1);
  for (uint32_t i = 1; i < WQ_OPERATIONS_MAX; i++)
    came("", "f");
  CHECK_INT(wq_dialogue_operation(&dialogue, text_bytes(""), text_bytes("f"), &ticket), WQ_E_FULL);
  CHECK(strncmp(nothing(), "publish 1 s/us/kk 501,xxxx", 26) == 0);
}

int main(void) {
  rooms_make();
  check_case("AWS jobs: one after the other, to their end", jobs);
  check_case("AWS jobs: told of while it is asked for", job_told_twice);
  check_case("AWS jobs: cancelled from outside", job_gone);
  check_case("AWS jobs: updates that are rejected", job_errors);
  check_case("AWS jobs: the connection lost, and no answer", job_lost);
  check_case("AWS jobs: the next one does not come", start_errors);
  check_case("Cumulocity operations: begun and answered, one row at a time", operations);
  check_case("Cumulocity operations: answers in order", operations_in_order);
  check_case("Cumulocity operations: names that read the same together", operations_apart);
  check_case("Cumulocity operations: the connection lost", operations_lost);
  check_case("Cumulocity operations: of a child", operations_child_lost);
  check_case("Cumulocity operations: resumed", operations_resumed);
  check_case("Cumulocity operations: arguments", operation_arguments);
  return check_close();
}
