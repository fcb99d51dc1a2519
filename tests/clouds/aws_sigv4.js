// Signature Version 4 of a WebSocket's URL, as AWS IoT Core checks it: the key and the canonical query by AWS's own code. The
// session token is not signed, unlike with AWS's other services.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { getCanonicalQuery, getSigningKey } from '@smithy/signature-v4';

const SERVICE = 'iotdevicegateway';
/** How far a client's clock may be wrong, in seconds. */
const SKEW = 300;

/**
 * A query's parameters, decoded; undefined if one of them is not percent-encoded as it has to be.
 * @param {string} query
 * @returns {Record<string, string> | undefined}
 */
export function parameters(query) {
  try {
    return Object.fromEntries(
      query.split('&').map((part) => {
        const [name, value = ''] = part.split(/=(.*)/s);
        return [decodeURIComponent(name), decodeURIComponent(value)];
      }),
    );
  } catch {
    return undefined;
  }
}

/** @param {string} text YYYYMMDDTHHMMSSZ @returns {number} Unix seconds; NaN if it is none */
function seconds(text) {
  return Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')) / 1000;
}

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/**
 * @typedef {object} Account
 * @property {string} region
 * @property {string} accessKey
 * @property {string} secretKey
 * @property {string} [sessionToken]
 *
 * @param {{ headers: import('node:http').IncomingHttpHeaders, path: string, query: string }} request
 * @param {Account} account
 * @param {number} validFrom Unix seconds: what was signed before is expired
 * @param {number} now Unix seconds
 * @returns {Promise<string | undefined>} what is wrong
 */
export async function sigv4Trouble({ headers, path, query }, account, validFrom, now) {
  const given = parameters(query);
  if (!given) return 'the query is not percent-encoded';
  const { 'X-Amz-Signature': signature, 'X-Amz-Security-Token': token, ...signed } = given;
  const { 'X-Amz-Date': date = '', 'X-Amz-Expires': expires } = signed;
  const day = date.slice(0, 8);
  const scope = `${day}/${account.region}/${SERVICE}/aws4_request`;
  if (signed['X-Amz-Algorithm'] !== 'AWS4-HMAC-SHA256') return 'the algorithm is not AWS4-HMAC-SHA256';
  if (!`;${signed['X-Amz-SignedHeaders']};`.includes(';host;')) return 'the header host is not signed';
  if (signed['X-Amz-Credential'] !== `${account.accessKey}/${scope}`) return 'the credential has another key or scope';
  if (token !== account.sessionToken) return 'the session token is another one';
  const time = seconds(date);
  if (!(Math.abs(now - time) <= SKEW) && !(expires && time <= now)) return 'the date is too far from now';
  if (expires && !(/^\d+$/.test(expires) && Number(expires) >= 1 && Number(expires) <= 604800))
    return 'X-Amz-Expires is wrong';
  if (time < validFrom || (expires && time + Number(expires) < now)) return 'the signature has expired';

  const credentials = { accessKeyId: account.accessKey, secretAccessKey: account.secretKey };
  const key = await getSigningKey(Sha256, credentials, day, account.region, SERVICE);
  const canonicalQuery = getCanonicalQuery(/** @type {any} */ ({ query: signed }));
  const names = signed['X-Amz-SignedHeaders'].split(';');
  // The Host header as it came, or, as aws-crt's browser build signs it, without its port.
  const right = [headers, { ...headers, host: (headers.host ?? '').replace(/:\d+$/, '') }].some((all) => {
    const lines = names.map((name) => `${name}:${name === 'host' ? all.host?.toLowerCase() : all[name]}\n`).join('');
    const canonical = `GET\n${path}\n${canonicalQuery}\n${lines}\n${names.join(';')}\n${sha256('')}`;
    const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
    const wanted = createHmac('sha256', key).update(text).digest();
    const got = Buffer.from(signature ?? '', 'hex');
    return got.length === wanted.length && timingSafeEqual(got, wanted);
  });
  return right ? undefined : 'the signature is wrong';
}
