/* SPDX-License-Identifier: MIT
 * The static templates of SmartREST 2.0, and those rows of template collections that have a form: one line of text each,
 * read as it is needed.
 *
 * A line is a letter for the kind of topic (or the role, for s/us and s/ds), the name, and the arguments:
 *
 *   childId        required, text       value=n    with a type (enum wq_smartrest_type)
 *   url?           may be empty         rssi=n|    one of those so marked is required
 *   (a b?)*        again and again      (a b?)+    the same, at least once
 *   $SW            a word of its own, which begins this part wherever it comes
 *   &              goes on with what the method and API before it want
 *
 * The lines lie in one struct, so that a table of 16-bit offsets finds them. */
#include "smartrest.h"

#include <string.h>

#define TEMPLATES(T)                                                                                                   \
  T(10, "uaddRequest messageId method=m api=a response=b? &")                                                          \
  T(11, "uaddResponse messageId base=p? condition=p? (path=p)+")                                                       \
  T(20, "tcollection xid collectionId")                                                                                \
  T(0x29, "tnoCollection xid") /* 41 again, under a name of its own */                                                 \
  T(40, "etemplateNotFound id? text?")                                                                                 \
  T(41, "ecreationRefused id? text?")                                                                                  \
  T(42, "emalformedRow id? text?")                                                                                     \
  T(43, "eunknownId id? text?")                                                                                        \
  T(45, "ewrongArguments id? text?")                                                                                   \
  T(50, "eserverError id? text?")                                                                                      \
  T(70, "ccredentials tenant user password")                                                                           \
  T(71, "jtoken token")                                                                                                \
  T(100, ">createDevice name? type?")                                                                                  \
  T(101, ">createChild childId name? type? isDevice=b?")                                                               \
  T(102, ">createService serviceId type name status")                                                                  \
  T(104, ">setServiceStatus status")                                                                                   \
  T(105, ">getChildren")                                                                                               \
  T(106, "<children (childId)*")                                                                                       \
  T(107, ">removeFragments (fragment)+")                                                                               \
  T(110, ">setHardware serialNumber? model? revision?")                                                                \
  T(111, ">setMobile imei? iccid? imsi? mcc? mnc? lac? cellId?")                                                       \
  T(112, ">setPosition latitude=n? longitude=n? altitude=n? accuracy=i?")                                              \
  T(113, ">setConfiguration configuration?")                                                                           \
  T(114, ">setSupportedOperations (operation?)*")                                                                      \
  T(115, ">setFirmware name? version? url?")                                                                           \
  T(116, ">setSoftwareList (name? version? url?)*")                                                                    \
  T(117, ">setRequiredInterval minutes=i?")                                                                            \
  T(118, ">setSupportedLogs (log?)*")                                                                                  \
  T(119, ">setSupportedConfigurations (configuration?)*")                                                              \
  T(120, ">setInstalledConfiguration type url fileName? time=d?")                                                      \
  T(121, ">setDeviceProfile executed profileId?")                                                                      \
  T(122, ">setAgent name version url? maintainer")                                                                     \
  T(123, ">getDeviceId")                                                                                               \
  T(124, "<deviceId id")                                                                                               \
  T(125, ">sendHeartbeat")                                                                                             \
  T(140, ">setSoftware (name version type? url?)*")                                                                    \
  T(141, ">appendSoftware (name version type? url?)*")                                                                 \
  T(142, ">removeSoftware (name version)*")                                                                            \
  T(143, ">setSoftwareTypes (type?)*")                                                                                 \
  T(150, ">setRemoteAccessProtocols (protocol?)*")                                                                     \
  T(200, ">createMeasurement fragment series value=n unit? time=d?")                                                   \
  T(201, ">createMeasurements type time=d? (fragment series value=n unit?)+")                                          \
  T(210, ">createSignalStrength rssi=n| ber=n| time=d?")                                                               \
  T(211, ">createTemperature temperature=n time=d?")                                                                   \
  T(212, ">createBattery battery=n time=d?")                                                                           \
  T(301, ">createCriticalAlarm type text? time=d?")                                                                    \
  T(302, ">createMajorAlarm type text? time=d?")                                                                       \
  T(303, ">createMinorAlarm type text? time=d?")                                                                       \
  T(304, ">createWarningAlarm type text? time=d?")                                                                     \
  T(305, ">setAlarmSeverity type severity=s")                                                                          \
  T(306, ">clearAlarm type")                                                                                           \
  T(307, ">removeAlarmFragments type (fragment)+")                                                                     \
  T(400, ">createEvent type text time=d?")                                                                             \
  T(401, ">createLocation latitude=n? longitude=n? altitude=n? accuracy=n? time=d?")                                   \
  T(402, ">updateLocation latitude=n? longitude=n? altitude=n? accuracy=n? time=d?")                                   \
  T(407, ">removeEventFragments type (fragment?)*")                                                                    \
  T(408, ">updateParameters text? time=d? changeDetect=b? (path type value?)+")                                        \
  T(500, ">getOperations")                                                                                             \
  T(501, ">setExecuting fragment")                                                                                     \
  T(502, ">setFailed fragment reason?")                                                                                \
  T(503, ">setSuccessful fragment (parameter?)*")                                                                      \
  T(504, ">setExecutingById operationId")                                                                              \
  T(505, ">setFailedById operationId reason?")                                                                         \
  T(506, ">setSuccessfulById operationId (parameter?)*")                                                               \
  T(507, ">setAllFailed fragment? reason?")                                                                            \
  T(510, "!c8y_Restart serial")                                                                                        \
  T(511, "!c8y_Command serial text")                                                                                   \
  T(513, "!c8y_Configuration serial configuration")                                                                    \
  T(515, "!c8y_Firmware serial name version url")                                                                      \
  T(516, "!c8y_SoftwareList serial (name version url)*")                                                               \
  T(517, "!c8y_MeasurementRequestOperation serial requestName")                                                        \
  T(518, "!c8y_Relay serial state")                                                                                    \
  T(519, "!c8y_RelayArray serial (state)*")                                                                            \
  T(520, "!c8y_UploadConfigFile serial")                                                                               \
  T(521, "!c8y_DownloadConfigFile serial url")                                                                         \
  T(522, "!c8y_LogfileRequest serial logName start=d end=d searchText maxLines=i")                                     \
  T(523, "!c8y_CommunicationMode serial mode")                                                                         \
  T(524, "!c8y_DownloadConfigFile serial url configType")                                                              \
  T(525, "!c8y_Firmware serial name version url dependency")                                                           \
  T(526, "!c8y_UploadConfigFile serial configType")                                                                    \
  T(527, "!c8y_DeviceProfile serial $FW firmwareName firmwareVersion firmwareUrl isPatch dependency "                  \
         "$SW (name version url action)* $CONF (configUrl configType)*")                                               \
  T(528, "!c8y_SoftwareUpdate serial (name version url action)*")                                                      \
  T(529, "!c8y_SoftwareUpdate serial (name version type url action)*")                                                 \
  T(530, "!c8y_RemoteAccessConnect serial hostname port=i connectionKey")                                              \
  T(600, ">getPlatformVersion")                                                                                        \
  T(601, "<platformVersion version")                                                                                   \
  T(602, ">getTemplateIds")                                                                                            \
  T(603, "<templateIds (id)*")

#define MEMBER(id, text) char t##id[sizeof(text)];
#define TEXT(id, text) text,
#define ENTRY(id, text) {id, offsetof(lines, t##id)},

typedef struct lines {
  TEMPLATES(MEMBER)
} lines;

static const lines all_lines = {TEMPLATES(TEXT)};

static const struct { uint16_t id, line; } entries[] = {TEMPLATES(ENTRY)};

/* What the two words that a request begins with want behind `response`: mandatory values, whose place may be empty, then
 * values of one's own. */
#define AS_VALUE_TYPE 'w' /* of the type that the argument before it names */
#define CUSTOM "(path=p valueType=v? value=w?)*"
static const char *request_pattern(uint8_t method, uint8_t api) {
  switch (method << 8 | api) {
  case 'E' << 8 | 'I': return "byId=b externalIdType?";
  case 'U' << 8 | 'I': return "byId=b externalIdType? " CUSTOM;
  case 'O' << 8 | 'I': return "externalIdType? " CUSTOM;
  case 'O' << 8 | 'M': return "type? time=d? " CUSTOM;
  case 'O' << 8 | 'E': return "type? text? time=d? " CUSTOM;
  case 'O' << 8 | 'A': return "type? text? status=k? severity=s? time=d? " CUSTOM;
  case 'U' << 8 | 'A': return "type? " CUSTOM;
  case 'U' << 8 | 'O': return "fragment? " CUSTOM;
  default: return NULL;
  }
}

/* ---------------------------------------------------------------------------------------------------- finding */

bool wq_smartrest_at(uint32_t index, wq_smartrest_template *t) {
  static const struct {
    uint8_t letter, kind, role;
  } letters[] = {{'>', WQ_SMARTREST_US, WQ_SMARTREST_PUBLISHED}, {'u', WQ_SMARTREST_UT, WQ_SMARTREST_PUBLISHED},
                 {'!', WQ_SMARTREST_DS, WQ_SMARTREST_OPERATION}, {'<', WQ_SMARTREST_DS, WQ_SMARTREST_RESPONSE},
                 {'t', WQ_SMARTREST_DT, WQ_SMARTREST_RESPONSE},  {'c', WQ_SMARTREST_DCR, WQ_SMARTREST_RESPONSE},
                 {'j', WQ_SMARTREST_DAT, WQ_SMARTREST_RESPONSE}, {'e', WQ_SMARTREST_E, WQ_SMARTREST_RESPONSE}};
  if (index >= sizeof entries / sizeof entries[0]) return false;
  const char *text = (const char *)&all_lines + entries[index].line;
  uint32_t which = 0, len = 1;
  while (letters[which].letter != (uint8_t)*text)
    which++;
  while (text[len] != ' ' && text[len] != '\0')
    len++;
  *t = (wq_smartrest_template){
      entries[index].id, letters[which].kind, letters[which].role, {(const uint8_t *)text + 1, len - 1}, text + len};
  return true;
}

/* the number that an id is; 0 if it is none of one to three digits, or begins with a 0 */
static uint32_t number_of(wq_bytes id) {
  uint32_t n = 0;
  if (id.len == 0 || id.len > 3 || id.data[0] == '0') return 0;
  for (uint32_t i = 0; i < id.len; i++) {
    if (id.data[i] < '0' || id.data[i] > '9') return 0;
    n = n * 10 + id.data[i] - '0';
  }
  return n;
}

bool wq_smartrest_find(uint8_t kind, wq_bytes id, wq_smartrest_template *t) {
  wq_smartrest_template same;
  uint32_t n = number_of(id);
  for (uint32_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
    if (entries[i].id == n && wq_smartrest_at(i, &same) && same.kind == kind) {
      *t = same;
      return true;
    }
  return false;
}

/* ---------------------------------------------------------------------------------------------------- arguments */

void wq_smartrest_args_begin(wq_smartrest_args *a, const wq_smartrest_template *t) {
  *a = (wq_smartrest_args){.pattern = t->pattern, .at = t->pattern};
}

/* where a character is next; NULL if it is not */
static const char *seek(const char *at, char c) {
  for (; *at != '\0'; at++)
    if (*at == c) return at;
  return NULL;
}

/* the length of the word that begins there */
static uint32_t word(const char *at) {
  uint32_t n = 0;
  while (at[n] != '\0' && seek(" ,=?|)", at[n]) == NULL)
    n++;
  return n;
}

static bool is(wq_bytes value, const char *at, uint32_t len) {
  return value.len == len && memcmp(value.data, at, len) == 0;
}

/* read the argument at `at`; returns what is behind it */
static const char *read_arg(const wq_smartrest_args *a, const char *at, wq_smartrest_arg *arg) {
  uint32_t len = word(at);
  *arg = (wq_smartrest_arg){.name = {(const uint8_t *)at, len},
                            .type = 't',
                            .required = true,
                            .repeats = a->group != NULL,
                            .round = a->round};
  if (*at == '$') arg->type = WQ_SMARTREST_MARKER;
  at += len;
  if (*at == '=') {
    arg->type = (uint8_t)at[1];
    at += 2;
  }
  if (*at == '?' || *at == '|') {
    arg->required = false;
    at++;
  }
  return at;
}

/* what a value says about those behind it */
static void learn(wq_smartrest_args *a, const wq_smartrest_arg *arg, wq_bytes value) {
  uint8_t first = value.len > 1 ? value.data[0] : 0, second = value.len > 1 ? value.data[1] : 0;
  switch (arg->type) {
  case WQ_SMARTREST_METHOD: a->method = second; break; /* gEt, pUt, pOst */
  case WQ_SMARTREST_API: a->then = request_pattern(a->method, first); break;
  case WQ_SMARTREST_VALUE_TYPE: {
    static const char types[] = "NnIiUuDdAkOo"; /* by the first letter; two begin with S */
    const char *found = first != 0 ? seek(types, (char)first) : NULL;
    a->value_type = first == 'S' && second == 'E' ? WQ_SMARTREST_SEVERITY : found != NULL ? (uint8_t)found[1] : 't';
    break;
  }
  default: break;
  }
}

/* go to the next argument */
static void settle(wq_smartrest_args *a, bool listing) {
  for (;;) {
    if (*a->at == '(') {
      a->group = a->at;
      a->round = 0;
    } else if (*a->at == ')' && listing) {
      a->group = NULL;
      a->at++; /* the sign behind it */
    } else if (*a->at == ')') {
      a->at = a->group;
      a->round++;
    } else if (*a->at == '&' && a->then != NULL) {
      a->at = a->then;
      continue;
    } else if (*a->at != ' ') {
      return;
    }
    a->at++;
  }
}

bool wq_smartrest_args_next(wq_smartrest_args *a, wq_bytes value, wq_smartrest_arg *arg) {
  bool listing = value.data == NULL, marker = false;
  *arg = (wq_smartrest_arg){.type = WQ_SMARTREST_TEXT};
  a->count++;
  if (value.len > 1 && value.data[0] == '$')
    for (const char *at = seek(a->pattern, '$'); at != NULL && !marker; at = seek(at + 1, '$'))
      if (is(value, at, word(at))) {
        a->at = at;
        a->group = NULL;
        a->round = 0;
        marker = true;
      }
  settle(a, listing);
  if (*a->at == '\0' || *a->at == '&' || (*a->at == '$' && !marker && !listing)) return false;
  a->at = read_arg(a, a->at, arg);
  if (a->at[-1] == '|' && value.len != 0) a->either = true;
  learn(a, arg, value);
  if (arg->type == AS_VALUE_TYPE) arg->type = a->value_type != 0 ? a->value_type : WQ_SMARTREST_TEXT;
  return true;
}

uint32_t wq_smartrest_args_missing(const wq_smartrest_args *a, wq_smartrest_arg *arg) {
  wq_smartrest_args rest = *a;
  if (seek(a->pattern, '|') != NULL && !a->either) { /* they are the first of their template */
    rest.at = a->pattern;
    settle(&rest, true);
    read_arg(&rest, rest.at, arg);
    return 1;
  }
  for (uint32_t position = a->count + 1;;) {
    const char *end = *rest.at == '(' ? seek(rest.at, ')') : NULL;
    if (end != NULL && end[1] == '*') {
      rest.at = end + 2;
    } else if (*rest.at == ' ' || *rest.at == '(') {
      rest.at++;
    } else if (*rest.at == ')') {
      rest.at += 2;
    } else if (*rest.at == '&' && rest.then != NULL) {
      rest.at = rest.then;
    } else if (*rest.at == '\0' || *rest.at == '&' || *rest.at == '$') {
      return 0;
    } else {
      rest.at = read_arg(&rest, rest.at, arg);
      if (arg->required) return position;
      position++;
    }
  }
}

wq_bytes wq_smartrest_get(const wq_smartrest_template *t, const wq_bytes *fields, uint32_t count, const char *name,
                          uint32_t round) {
  wq_smartrest_args a;
  wq_smartrest_arg arg;
  uint32_t len = (uint32_t)strlen(name);
  wq_smartrest_args_begin(&a, t);
  for (uint32_t i = 1; i < count; i++)
    if (wq_smartrest_args_next(&a, fields[i], &arg) && is(arg.name, name, len) && arg.round == round) return fields[i];
  return (wq_bytes){NULL, 0};
}

/* ---------------------------------------------------------------------------------------------------- types */

const char *wq_smartrest_type_text(uint8_t type) {
  switch (type) {
  case WQ_SMARTREST_NUMBER: return "a number";
  case WQ_SMARTREST_INTEGER: return "an integer";
  case WQ_SMARTREST_UNSIGNED: return "an integer that is not negative";
  case WQ_SMARTREST_DATE: return "a date like 2016-06-22T17:03:14.000+02:00";
  case WQ_SMARTREST_BOOLEAN: return "true or false";
  case WQ_SMARTREST_SEVERITY: return "CRITICAL, MAJOR, MINOR or WARNING";
  case WQ_SMARTREST_ALARM_STATUS: return "ACTIVE, ACKNOWLEDGED or CLEARED";
  case WQ_SMARTREST_OPERATION_STATUS: return "PENDING, EXECUTING, SUCCESSFUL or FAILED";
  case WQ_SMARTREST_METHOD: return "GET, PUT or POST";
  case WQ_SMARTREST_API: return "INVENTORY, MEASUREMENT, ALARM, EVENT or OPERATION";
  case WQ_SMARTREST_VALUE_TYPE:
    return "STRING, DATE, NUMBER, INTEGER, UNSIGNED, FLAG, SEVERITY, ALARMSTATUS or OPERATIONSTATUS";
  case WQ_SMARTREST_PATH: return "a JSONPath without filters";
  default: return "a text";
  }
}

/* one of the words of a sentence as above */
static bool one_of(wq_bytes value, const char *words) {
  for (uint32_t n; *words != '\0'; words += n != 0 ? n : 1) {
    n = word(words);
    if (n != 0 && is(value, words, n)) return !is(value, "or", 2);
  }
  return false;
}

/* how many digits begin there */
static uint32_t digits(wq_bytes value, uint32_t at) {
  uint32_t n = 0;
  while (at + n < value.len && value.data[at + n] >= '0' && value.data[at + n] <= '9')
    n++;
  return n;
}

static uint8_t byte_at(wq_bytes value, uint32_t at) { return at < value.len ? value.data[at] : 0; }

static bool number_fits(wq_bytes value, uint8_t type) {
  uint32_t at = type != WQ_SMARTREST_UNSIGNED && byte_at(value, 0) == '-';
  uint32_t n = digits(value, at);
  at += n;
  if (n != 0 && type == WQ_SMARTREST_NUMBER && byte_at(value, at) == '.') {
    n = digits(value, at + 1);
    at += 1 + n;
  }
  if (n != 0 && type == WQ_SMARTREST_NUMBER && (byte_at(value, at) | 0x20) == 'e') {
    at++;
    at += byte_at(value, at) == '-' || byte_at(value, at) == '+';
    n = digits(value, at);
    at += n;
  }
  return n != 0 && at == value.len;
}

static bool pair_fits(wq_bytes value, uint32_t at, uint32_t low, uint32_t high) {
  if (digits(value, at) < 2) return false;
  uint32_t n = (value.data[at] - '0') * 10u + value.data[at + 1] - '0';
  return n >= low && n <= high;
}

/* yyyy-mm-ddThh:mm:ss[.f...](Z|+hh:mm|+hhmm); months are taken to have 31 days */
static bool date_fits(wq_bytes value) {
  static const struct {
    uint8_t before, low, high;
  } pairs[] = {{'-', 1, 12}, {'-', 1, 31}, {'T', 0, 23}, {':', 0, 59}, {':', 0, 59}};
  uint32_t at = 4;
  if (digits(value, 0) != 4) return false;
  for (uint32_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++, at += 3)
    if (byte_at(value, at) != pairs[i].before || !pair_fits(value, at + 1, pairs[i].low, pairs[i].high)) return false;
  if (byte_at(value, at) == '.') {
    uint32_t n = digits(value, at + 1);
    if (n == 0) return false;
    at += 1 + n;
  }
  uint8_t sign = byte_at(value, at);
  if (sign == 'Z') return at + 1 == value.len;
  if ((sign != '+' && sign != '-') || !pair_fits(value, at + 1, 0, 23)) return false;
  at += 3;
  at += byte_at(value, at) == ':';
  return pair_fits(value, at, 0, 59) && at + 2 == value.len;
}

bool wq_smartrest_type_fits(uint8_t type, wq_bytes value) {
  switch (type) {
  case WQ_SMARTREST_TEXT:
  case WQ_SMARTREST_MARKER: return true;
  case WQ_SMARTREST_NUMBER:
  case WQ_SMARTREST_INTEGER:
  case WQ_SMARTREST_UNSIGNED: return number_fits(value, type);
  case WQ_SMARTREST_DATE: return date_fits(value);
  case WQ_SMARTREST_PATH:
    for (uint32_t i = 1; i < value.len; i++)
      if (value.data[i - 1] == '?' && value.data[i] == '(') return false;
    return true;
  default: return one_of(value, wq_smartrest_type_text(type));
  }
}
