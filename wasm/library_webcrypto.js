/* SPDX-License-Identifier: MIT
 * src/crypto.h by Web Crypto, as an Emscripten JS library (`emcc --js-library`): the only imports of the module. Our own
 * loader uses the same functions, which web/build.js wraps into an ES module. They know nothing of their surroundings but
 * HEAPU8, and take it anew when a result is written, for memory may have grown meanwhile. */
mergeInto(LibraryManager.library, {
  $wqCrypto: {
    /* As src/crypto.h has them; tests/wasm compares. */
    DONE: 0,
    PENDING: 1,
    E_ARG: -1,
    E_KEY: -2,
    E_UNAVAILABLE: -3,
    E_FAILED: -4,
    LENGTH_AT: 4,
    RESULT_AT: 8,
    RESULT_MAX: 512,
    RANDOM_MAX: 65536 /* bytes that one getRandomValues() gives */,
    HASHES: { 1: 'SHA-1', 256: 'SHA-256' },
    SIGNATURES: {
      1: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      2: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
    },

    copy: function (at, length) {
      return HEAPU8.slice(at, at + length);
    },

    setStatus: function (op, status) {
      new DataView(HEAPU8.buffer).setInt32(op, status, true);
    },

    /* Start work(subtle), a promise of an ArrayBuffer, and write what becomes of it into `op`. Returns a promise that
     * resolves then, which every binding passes on: the module does not see it, but who wraps them knows when to go on. */
    run: function (op, valid, work) {
      var subtle = globalThis.crypto && globalThis.crypto.subtle;
      if (!valid || !subtle) {
        wqCrypto.setStatus(op, valid ? wqCrypto.E_UNAVAILABLE : wqCrypto.E_ARG);
        return;
      }
      wqCrypto.setStatus(op, wqCrypto.PENDING);
      return work(subtle).then(
        function (result) {
          var bytes = new Uint8Array(result);
          if (bytes.length > wqCrypto.RESULT_MAX) {
            wqCrypto.setStatus(op, wqCrypto.E_FAILED);
            return;
          }
          HEAPU8.set(bytes, op + wqCrypto.RESULT_AT);
          new DataView(HEAPU8.buffer).setUint32(op + wqCrypto.LENGTH_AT, bytes.length, true);
          wqCrypto.setStatus(op, wqCrypto.DONE);
        },
        function (error) {
          wqCrypto.setStatus(op, error && error.wqKey ? wqCrypto.E_KEY : wqCrypto.E_FAILED);
        },
      );
    },

    /* An imported key; a refusal is marked, so that run() can tell a bad key from a failed operation. Either way the bytes
     * are zeroed, since Web Crypto has a copy of its own. */
    importKey: function (subtle, format, bytes, algorithm, usage) {
      return subtle
        .importKey(format, bytes, algorithm, false, [usage])
        .catch(function () {
          throw { wqKey: true };
        })
        .finally(function () {
          bytes.fill(0);
        });
    },
  },

  wq_crypto_random__sig: 'iii',
  wq_crypto_random__deps: ['$wqCrypto'],
  wq_crypto_random: function (at, length) {
    if (!globalThis.crypto) return wqCrypto.E_UNAVAILABLE;
    for (var done = 0; done < length; done += wqCrypto.RANDOM_MAX) {
      var some = new Uint8Array(Math.min(length - done, wqCrypto.RANDOM_MAX));
      HEAPU8.set(globalThis.crypto.getRandomValues(some), at + done);
    }
    return 0;
  },

  wq_crypto_digest__sig: 'viiii',
  wq_crypto_digest__deps: ['$wqCrypto'],
  wq_crypto_digest: function (op, hash, data, length) {
    var name = wqCrypto.HASHES[hash];
    var bytes = wqCrypto.copy(data, length);
    return wqCrypto.run(op, name, function (subtle) {
      return subtle.digest(name, bytes);
    });
  },

  wq_crypto_hmac__sig: 'viiiiii',
  wq_crypto_hmac__deps: ['$wqCrypto'],
  wq_crypto_hmac: function (op, hash, key, keyLength, data, length) {
    var algorithm = { name: 'HMAC', hash: wqCrypto.HASHES[hash] };
    /* Web Crypto refuses an empty key. HMAC pads keys with zeros, so one zero byte is the same key. */
    var secret = keyLength ? wqCrypto.copy(key, keyLength) : new Uint8Array(1);
    var bytes = wqCrypto.copy(data, length);
    return wqCrypto.run(op, algorithm.hash, function (subtle) {
      return wqCrypto.importKey(subtle, 'raw', secret, algorithm, 'sign').then(function (imported) {
        return subtle.sign('HMAC', imported, bytes);
      });
    });
  },

  wq_crypto_pbkdf2__sig: 'viiiiiiii',
  wq_crypto_pbkdf2__deps: ['$wqCrypto'],
  wq_crypto_pbkdf2: function (op, hash, password, passwordLength, salt, saltLength, iterations, resultLength) {
    var secret = wqCrypto.copy(password, passwordLength);
    var algorithm = {
      name: 'PBKDF2',
      hash: wqCrypto.HASHES[hash],
      salt: wqCrypto.copy(salt, saltLength),
      iterations: iterations,
    };
    var valid = algorithm.hash && iterations >= 1 && iterations <= 10000000 && resultLength >= 1 && resultLength <= 64;
    return wqCrypto.run(op, valid, function (subtle) {
      return wqCrypto.importKey(subtle, 'raw', secret, 'PBKDF2', 'deriveBits').then(function (imported) {
        return subtle.deriveBits(algorithm, imported, resultLength * 8);
      });
    });
  },

  wq_crypto_sign__sig: 'viiiiii',
  wq_crypto_sign__deps: ['$wqCrypto'],
  wq_crypto_sign: function (op, algorithm, pkcs8, pkcs8Length, data, length) {
    var chosen = wqCrypto.SIGNATURES[algorithm];
    var secret = wqCrypto.copy(pkcs8, pkcs8Length);
    var bytes = wqCrypto.copy(data, length);
    return wqCrypto.run(op, chosen, function (subtle) {
      return wqCrypto.importKey(subtle, 'pkcs8', secret, chosen, 'sign').then(function (imported) {
        return subtle.sign(chosen, imported, bytes);
      });
    });
  },
});
