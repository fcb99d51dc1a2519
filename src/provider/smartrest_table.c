/* SPDX-License-Identifier: MIT
 * The static templates of SmartREST 2.0, and those rows of template collections that have a form: one line of text each,
 * read as it is needed.
 *
 * A line is a letter for the kind of topic (A us, D ut, G ds, J dt, K dcr, L dat: '@' and its number), the id, the name,
 * and the arguments:
 *
 *   childId        required, text       value=n    with a type (enum wq_smartrest_type)
 *   url?           may be empty         rssi=n|    one of those so marked is required; they come first
 *   (a b?)*        again and again      (a b?)+    the same, at least once
 *   $SW            a word of its own, which begins this part wherever it comes
 *   &              goes on with what the method and API before it want
 */
#include "smartrest.h"

#include <string.h>

static const char table[] =
    "D10 addRequest messageId method=m api=a response=b? &\n"
    "D11 addResponse messageId base=p? condition=p? (path=p)+\n"
    "J20 collection xid collectionId\n"
    "J41 noCollection xid\n"
    "K70 credentials tenant user password\n"
    "L71 token token\n"
    "A100 createDevice name? type?\n"
    "A101 createChild childId name? type? isDevice=b?\n"
    "A102 createService serviceId type name status\n"
    "A104 setServiceStatus status\n"
    "A105 getChildren\n"
    "G106 children (childId)*\n"
    "A107 removeFragments (fragment)+\n"
    "A110 setHardware serialNumber? model? revision?\n"
    "A111 setMobile imei? iccid? imsi? mcc? mnc? lac? cellId?\n"
    "A112 setPosition latitude=n? longitude=n? altitude=n? accuracy=i?\n"
    "A113 setConfiguration configuration?\n"
    "A114 setSupportedOperations (operation?)*\n"
    "A115 setFirmware name? version? url?\n"
    "A116 setSoftwareList (name? version? url?)*\n"
    "A117 setRequiredInterval minutes=i?\n"
    "A118 setSupportedLogs (log?)*\n"
    "A119 setSupportedConfigurations (configuration?)*\n"
    "A120 setInstalledConfiguration type url fileName? time=d?\n"
    "A121 setDeviceProfile executed profileId?\n"
    "A122 setAgent name version url? maintainer\n"
    "A123 getDeviceId\n"
    "G124 deviceId id\n"
    "A125 sendHeartbeat\n"
    "A140 setSoftware (name version type? url?)*\n"
    "A141 appendSoftware (name version type? url?)*\n"
    "A142 removeSoftware (name version)*\n"
    "A143 setSoftwareTypes (type?)*\n"
    "A150 setRemoteAccessProtocols (protocol?)*\n"
    "A200 createMeasurement fragment series value=n unit? time=d?\n"
    "A201 createMeasurements type time=d? (fragment series value=n unit?)+\n"
    "A210 createSignalStrength rssi=n| ber=n| time=d?\n"
    "A211 createTemperature temperature=n time=d?\n"
    "A212 createBattery battery=n time=d?\n"
    "A301 createCriticalAlarm type text? time=d?\n"
    "A302 createMajorAlarm type text? time=d?\n"
    "A303 createMinorAlarm type text? time=d?\n"
    "A304 createWarningAlarm type text? time=d?\n"
    "A305 setAlarmSeverity type severity=s\n"
    "A306 clearAlarm type\n"
    "A307 removeAlarmFragments type (fragment)+\n"
    "A400 createEvent type text time=d?\n"
    "A401 createLocation latitude=n? longitude=n? altitude=n? accuracy=n? time=d?\n"
    "A402 updateLocation latitude=n? longitude=n? altitude=n? accuracy=n? time=d?\n"
    "A407 removeEventFragments type (fragment?)*\n"
    "A408 updateParameters text? time=d? changeDetect=b? (path type value?)+\n"
    "A500 getOperations\n"
    "A501 setExecuting fragment\n"
    "A502 setFailed fragment reason?\n"
    "A503 setSuccessful fragment (parameter?)*\n"
    "A504 setExecutingById operationId\n"
    "A505 setFailedById operationId reason?\n"
    "A506 setSuccessfulById operationId (parameter?)*\n"
    "A507 setAllFailed fragment? reason?\n"
    "G510 c8y_Restart serial\n"
    "G511 c8y_Command serial text\n"
    "G513 c8y_Configuration serial configuration\n"
    "G515 c8y_Firmware serial name version url\n"
    "G516 c8y_SoftwareList serial (name version url)*\n"
    "G517 c8y_MeasurementRequestOperation serial requestName\n"
    "G518 c8y_Relay serial state\n"
    "G519 c8y_RelayArray serial (state)*\n"
    "G520 c8y_UploadConfigFile serial\n"
    "G521 c8y_DownloadConfigFile serial url\n"
    "G522 c8y_LogfileRequest serial logName start=d end=d searchText maxLines=i\n"
    "G523 c8y_CommunicationMode serial mode\n"
    "G524 c8y_DownloadConfigFile serial url configType\n"
    "G525 c8y_Firmware serial name version url dependency\n"
    "G526 c8y_UploadConfigFile serial configType\n"
    "G527 c8y_DeviceProfile serial $FW firmwareName firmwareVersion firmwareUrl isPatch dependency "
    "$SW (name version url action)* $CONF (configUrl configType)*\n"
    "G528 c8y_SoftwareUpdate serial (name version url action)*\n"
    "G529 c8y_SoftwareUpdate serial (name version type url action)*\n"
    "G530 c8y_RemoteAccessConnect serial hostname port=i connectionKey\n"
    "A600 getPlatformVersion\n"
    "G601 platformVersion version\n"
    "A602 getTemplateIds\n"
    "G603 templateIds (id)*\n";

/* What the two words that a request begins with want behind `response`: mandatory values, whose place may be empty, then
 * values of one's own. */
#define AS_VALUE_TYPE 'w' /* of the type that the argument before it names */
#define CUSTOM "(path=p valueType=v? value=w?)*"
static const char *request_pattern(uint8_t method, uint8_t api) {
  switch (method << 8 | api) {
  case 'E' << 8 | 'I': return " byId=b externalIdType?";
  case 'U' << 8 | 'I': return " byId=b externalIdType? " CUSTOM;
  case 'O' << 8 | 'I': return " externalIdType? " CUSTOM;
  case 'O' << 8 | 'M': return " type? time=d? " CUSTOM;
  case 'O' << 8 | 'E': return " type? text? time=d? " CUSTOM;
  case 'O' << 8 | 'A': return " type? text? status=k? severity=s? time=d? " CUSTOM;
  case 'U' << 8 | 'A': return " type? " CUSTOM;
  case 'U' << 8 | 'O': return " fragment? " CUSTOM;
  default: return NULL;
  }
}

/* ---------------------------------------------------------------------------------------------------- finding */

/* the length of the word that begins there */
static uint32_t word(const char *at) {
  uint32_t n = 0;
  while ((at[n] > ',' && at[n] != '=' && at[n] != '?' && at[n] != '|') || at[n] == '$')
    n++;
  return n;
}

static bool is(wq_bytes value, const char *at, uint32_t len) {
  return value.len == len && memcmp(value.data, at, len) == 0;
}

/* Read a line; returns the next one. */
static const char *read_line(const char *at, wq_smartrest_template *t) {
  t->kind = (uint8_t)(*at++ - '@');
  t->id = (wq_bytes){(const uint8_t *)at, word(at)};
  at += t->id.len + 1;
  t->name = (wq_bytes){(const uint8_t *)at, word(at)};
  at += t->name.len;
  t->pattern = at;
  t->role = t->kind <= WQ_SMARTREST_UAT ? WQ_SMARTREST_PUBLISHED
            : t->name.data[1] == '8'    ? WQ_SMARTREST_OPERATION /* c8y_... */
                                        : WQ_SMARTREST_RESPONSE;
  while (*at++ != '\n') {
  }
  return at;
}

bool wq_smartrest_at(uint32_t index, wq_smartrest_template *t) {
  for (const char *at = table; *at != '\0'; index--) {
    at = read_line(at, t);
    if (index == 0) return true;
  }
  return false;
}

bool wq_smartrest_find(uint8_t kind, wq_bytes id, wq_smartrest_template *t) {
  for (const char *at = table; *at != '\0';) {
    at = read_line(at, t);
    if (t->kind == kind && is(id, (const char *)t->id.data, t->id.len)) return true;
  }
  t->pattern = NULL;
  return false;
}

/* ---------------------------------------------------------------------------------------------------- arguments */

void wq_smartrest_args_begin(wq_smartrest_args *a, const wq_smartrest_template *t) {
  *a = (wq_smartrest_args){.pattern = t->pattern, .at = t->pattern};
}

/* where a character is next in this line; NULL if it is not */
static const char *seek(const char *at, char c) {
  for (; *at > '\n'; at++)
    if (*at == c) return at;
  return NULL;
}

/* read the argument at `at`; returns what is behind it */
static const char *read_arg(const wq_smartrest_args *a, const char *at, wq_smartrest_arg *arg) {
  uint32_t len = word(at);
  *arg = (wq_smartrest_arg){.name = {(const uint8_t *)at, len},
                            .type = 't',
                            .required = !a->optional,
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
  for (;; a->at++) {
    if (*a->at == '(') {
      a->group = a->at;
      a->round = 0;
      a->optional = listing && seek(a->at, ')')[1] == '*';
    } else if (*a->at == ')' && listing) {
      a->group = NULL;
      a->optional = false;
      a->at++; /* the sign behind it */
    } else if (*a->at == ')') {
      a->at = a->group;
      a->round++;
    } else if (*a->at == '&' && a->then != NULL) {
      a->at = a->then; /* which begins with a space */
    } else if (*a->at != ' ') {
      return;
    }
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
  if (*a->at <= '\n' || *a->at == '&' || (*a->at == '$' && !marker && !listing)) return false;
  a->at = read_arg(a, a->at, arg);
  if (a->at[-1] == '|' && value.len != 0) a->either = true;
  learn(a, arg, value);
  if (arg->type == AS_VALUE_TYPE) arg->type = a->value_type != 0 ? a->value_type : WQ_SMARTREST_TEXT;
  return true;
}

uint32_t wq_smartrest_args_missing(const wq_smartrest_args *a, wq_smartrest_arg *arg) {
  wq_smartrest_args rest = *a;
  if (seek(a->pattern, '|') != NULL && !a->either) {
    rest = (wq_smartrest_args){.at = a->pattern, .pattern = a->pattern};
    wq_smartrest_args_next(&rest, (wq_bytes){NULL, 0}, arg);
    return rest.count;
  }
  while (wq_smartrest_args_next(&rest, (wq_bytes){NULL, 0}, arg))
    if (arg->required) return rest.count;
  return 0;
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

static bool stands_for(char want, char c) {
  if (want == '~') return c == '+' || c == '-';
  if (want >= '0' && want <= '9') return c >= '0' && c <= want;
  return c == want || (want == 'e' && c == 'E');
}

/* Match a shape from `at` on; returns where it ends, UINT32_MAX if it does not fit. A digit stands for those up to it, ~ for
 * a sign; + behind one: and more of them, ?: or none; what is in () may be missing. */
static uint32_t match(wq_bytes value, uint32_t at, const char *shape) {
  for (; *shape != '\0'; shape++) {
    bool fits = at < value.len && stands_for(shape[*shape == '('], (char)value.data[at]);
    if (*shape == '(') {
      if (!fits) shape = seek(shape, ')');
    } else if (*shape != ')') {
      if (!fits && shape[1] != '?') return UINT32_MAX;
      at += fits;
      while (shape[1] == '+' && at < value.len && stands_for(*shape, (char)value.data[at]))
        at++;
      shape += shape[1] == '+' || shape[1] == '?';
    }
  }
  return at;
}

bool wq_smartrest_type_fits(uint8_t type, wq_bytes value) {
  switch (type) {
  case WQ_SMARTREST_TEXT:
  case WQ_SMARTREST_MARKER: return true;
  case WQ_SMARTREST_NUMBER: return match(value, 0, "-?9+(.9+)(e~?9+)") == value.len;
  case WQ_SMARTREST_INTEGER: return match(value, 0, "-?9+") == value.len;
  case WQ_SMARTREST_UNSIGNED: return match(value, 0, "9+") == value.len;
  case WQ_SMARTREST_DATE: {
    uint32_t at = match(value, 0, "9999-19-39T29:59:59(.9+)");
    return match(value, at, "Z") == value.len || match(value, at, "~29:?59") == value.len;
  }
  case WQ_SMARTREST_PATH:
    for (uint32_t i = 1; i < value.len; i++)
      if (value.data[i - 1] == '?' && value.data[i] == '(') return false;
    return true;
  default: return one_of(value, wq_smartrest_type_text(type));
  }
}
