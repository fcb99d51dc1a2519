/* SPDX-License-Identifier: MIT
 * The table of services, and faults in words. */
#include "service.h"

static const wq_service_def *const clouds[] = {
    [WQ_AWS] = &wq_aws,
    [WQ_AZURE_IOT_HUB] = &wq_azure_iot_hub,
    [WQ_AZURE_EVENT_GRID] = &wq_azure_event_grid,
    [WQ_CLEARBLADE] = &wq_clearblade,
    [WQ_ALIBABA] = &wq_alibaba,
    [WQ_SCALEWAY] = &wq_scaleway,
    [WQ_CUMULOCITY] = &wq_cumulocity,
};

const wq_service_def *wq_service_def_at(uint32_t service) {
  if (service >= WQ_SERVICES) return NULL;
  return service < WQ_MOSQUITTO ? clouds[service] : &wq_brokers[service - WQ_MOSQUITTO];
}

const wq_service_info *wq_service_at(uint32_t service) {
  const wq_service_def *def = wq_service_def_at(service);
  return def != NULL ? &def->info : NULL;
}

/* from WQ_FAULT_MISSING on */
static const char *const faults[] = {
    "Fill this in.",
    "This is no text: it holds characters that cannot be seen. Type or copy it again.",
    "There is a space or line break inside. Copy the value again, in one piece.",
    "One of its characters (such as / + # : or |) is not allowed here. Copy the id alone.",
    "This is no host name. Leave out https:// and everything behind the name, such as a path.",
    "An address begins with ws:// or wss:// and a host name, without user, password or #; a path with a slash.",
    "This is no number, or it is out of range.",
    "This is not one of the choices.",
    "This is no base64: the key was not copied whole, or is another kind of key.",
    "This is a connection string. Of its parts, paste only what this field asks for: the key is what follows "
    "SharedAccessKey= up to the next semicolon, the host what follows HostName=.",
    "This is a finished token (SharedAccessSignature). Paste the key that such tokens are made with.",
    "Paste only what stands behind the = sign, without the setting's name.",
    "This is the access key's id (AKIA or ASIA...). The secret access key belongs here.",
    "The region cannot be read from the endpoint. Fill it in, as us-east-1.",
    "Token key name, token and token signature belong together: fill in all three, or none.",
    "Browsers have no MD5 (hmacmd5): choose hmacsha256 or hmacsha1.",
    "This is no JSON Web Token: three parts with dots between.",
    "The token has expired: get a new one.",
    "The private key is encrypted. Decrypt it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem",
    "This is an RSA key in its own form (PKCS#1). Convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out new.pem",
    "This is an elliptic key in its own form (SEC1). Convert it: openssl pkcs8 -topk8 -nocrypt -in old.pem -out "
    "new.pem",
    "This is the public key. The private key belongs here: -----BEGIN PRIVATE KEY-----, or a JSON Web Key that has d.",
    "This is a certificate. The private key belongs here: -----BEGIN PRIVATE KEY-----",
    "This JSON Web Key cannot be read: it is no JSON, or one of its members is not the base64url of a number of this "
    "kind of key. "
    "Copy it again, whole.",
    "This kind of key is not used here: an RSA key, or an elliptic one on the curve P-256.",
    "This is no private key: paste the whole file, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----",
    "This is too long.",
    "The clock of this computer is wrong.",
    "A page may sign only when it came by https or from localhost (a secure context): open it that way.",
    "The key cannot be used: it is damaged, or of an unusual kind.",
    "Signing failed.",
    "There is no such service, or values are missing.",
    "This JSON Web Key lacks a member: kty, and RSA wants n, e, d, p, q, dp, dq and qi, EC wants crv, x, y and d.",
    "The client id would have more than 64 characters. Fill in a shorter one.",
};
_Static_assert(sizeof faults / sizeof faults[0] == -WQ_FAULT_CLIENT_ID, "one text a fault");

const char *wq_fault_text(int fault) { return fault < 0 && fault >= WQ_FAULT_CLIENT_ID ? faults[-fault - 1] : ""; }
