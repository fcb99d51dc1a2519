/* SPDX-License-Identifier: MIT
 * TLS by OpenSSL. Certificate and name are always checked. The sockets get a BIO of our own, because OpenSSL's raises
 * SIGPIPE when the peer is gone, and a library must not change how its process takes signals. */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* ------------------------------------------------------------------------------------------------ the socket BIO */

static int bio_fd(BIO *bio) { return (int)(intptr_t)BIO_get_data(bio); }

static bool would_block(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

static int bio_write(BIO *bio, const char *bytes, int length) {
  ssize_t n = send(bio_fd(bio), bytes, (size_t)length, MSG_NOSIGNAL);
  BIO_clear_retry_flags(bio);
  if (n < 0 && would_block()) BIO_set_retry_write(bio);
  return (int)n;
}

static int bio_read(BIO *bio, char *bytes, int room) {
  ssize_t n = recv(bio_fd(bio), bytes, (size_t)room, 0);
  BIO_clear_retry_flags(bio);
  if (n < 0 && would_block()) BIO_set_retry_read(bio);
  return (int)n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH; /* nothing is held back, and OpenSSL asks for nothing else that it needs */
}

static BIO_METHOD *make_bio_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without SIGPIPE");
  if (method && BIO_meth_set_write(method, bio_write) && BIO_meth_set_read(method, bio_read) &&
      BIO_meth_set_ctrl(method, bio_control))
    return method;
  BIO_meth_free(method);
  return NULL;
}

/* ------------------------------------------------------------------------------------------------ contexts */

static void free_one(wqn_tls *tls) {
  SSL_CTX_free(tls->context);
  BIO_meth_free(tls->bio);
  free(tls->ca_file);
  free(tls);
}

static int no_memory(wqn_error *error) { return wqn_fail(error, WQN_MEMORY, 0, "no memory for TLS"); }

static int configure(wqn_tls *tls, const char *ca_file, wqn_error *error) {
  static const unsigned char http1[] = "\x08http/1.1"; /* a server that offers HTTP/2 too must not choose it */
  tls->context = SSL_CTX_new(TLS_client_method());
  tls->bio = make_bio_method();
  if (!tls->context || !tls->bio) return no_memory(error);
  if (ca_file && !(tls->ca_file = strdup(ca_file))) return no_memory(error);
  SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
  SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(tls->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_alpn_protos(tls->context, http1, sizeof http1 - 1) != 0) return no_memory(error);
  if (ca_file && SSL_CTX_load_verify_file(tls->context, ca_file) != 1)
    return wqn_fail(error, WQN_OPTIONS, 0, "the CA file %s cannot be read, or holds no certificate in PEM form",
                    ca_file);
  if (!ca_file && SSL_CTX_set_default_verify_paths(tls->context) != 1)
    return wqn_fail(error, WQN_OPTIONS, 0, "the system's trusted certificates cannot be read: name a CA file");
  return 0;
}

wqn_tls *wqn_tls_get(wqn_tls **list, const char *ca_file, wqn_error *error) {
  for (wqn_tls *tls = *list; tls; tls = tls->next) {
    if (ca_file ? tls->ca_file && strcmp(tls->ca_file, ca_file) == 0 : !tls->ca_file) return tls;
  }
  wqn_tls *tls = calloc(1, sizeof *tls);
  if (!tls) return no_memory(error), NULL;
  int failed = configure(tls, ca_file, error);
  ERR_clear_error();
  if (failed) return free_one(tls), NULL;
  tls->next = *list;
  *list = tls;
  return tls;
}

void wqn_tls_free_all(wqn_tls **list) {
  while (*list) {
    wqn_tls *tls = *list;
    *list = tls->next;
    free_one(tls);
  }
}

/* ------------------------------------------------------------------------------------------------ sessions */

SSL *wqn_tls_session(wqn_tls *tls, int fd, const wqn_url *url, wqn_error *error) {
  SSL *session = SSL_new(tls->context);
  BIO *bio = BIO_new(tls->bio);
  if (!session || !bio) goto failed;
  BIO_set_data(bio, (void *)(intptr_t)fd);
  BIO_set_init(bio, 1);
  SSL_set_bio(session, bio, bio);
  bio = NULL; /* the session's now */
  SSL_set_connect_state(session);
  if (url->host_is_ip) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), url->host) != 1) goto failed;
  } else {
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(session, url->host) != 1 || SSL_set_tlsext_host_name(session, url->host) != 1) goto failed;
  }
  return session;
failed:
  SSL_free(session);
  BIO_free(bio);
  ERR_clear_error();
  no_memory(error);
  return NULL;
}

static int explain_certificate(long verdict, const wqn_url *url, wqn_error *error) {
  const char *hint = "ask the server's operator";
  switch (verdict) {
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return wqn_fail(error, WQN_TLS, 0, "the certificate of %s is for another name: use a name that it was issued for",
                    url->authority);
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    hint = "if it is a private authority's, name that authority's CA file";
    break;
  case X509_V_ERR_CERT_NOT_YET_VALID:
  case X509_V_ERR_CERT_HAS_EXPIRED: hint = "check this machine's clock, or ask the server's operator"; break;
  default: break;
  }
  return wqn_fail(error, WQN_TLS, 0, "the certificate of %s is not trusted (%s): %s", url->authority,
                  X509_verify_cert_error_string(verdict), hint);
}

int wqn_tls_explain(const SSL *session, const wqn_url *url, wqn_error *error) {
  unsigned long code = ERR_peek_error();
  const char *reason = ERR_reason_error_string(code);
  long verdict = SSL_get_verify_result(session);
  ERR_clear_error();
  if (verdict != X509_V_OK) return explain_certificate(verdict, url, error);
  switch (ERR_GET_REASON(code)) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
  case SSL_R_PACKET_LENGTH_TOO_LONG:
    return wqn_fail(error, WQN_TLS, 0, "%s does not speak TLS: check the port, or use ws:// if it is meant to be plain",
                    url->authority);
  default: break;
  }
  if (!reason)
    return wqn_fail(error, WQN_TLS, 0, "%s closed the connection during the TLS handshake: check the port",
                    url->authority);
  return wqn_fail(error, WQN_TLS, 0, "the TLS handshake with %s failed (%s): %s", url->authority, reason,
                  url->host_is_ip ? "it may have no certificate for an address; use its name"
                                  : "it may have no certificate for this name");
}
