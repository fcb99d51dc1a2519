// The error of this part of the library. It has the form of the client's MqttError, so that programs treat both alike.

/**
 * What is wrong with a value, a topic or a row, or why a login failed: for programs (code, field), for people (message).
 * Never with the value, which may be secret.
 */
export class ProviderError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ field?: string, status?: number, cause?: unknown }} [more]
   */
  constructor(code, message, { field, status, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    /** As of MqttError: trying again changes nothing. @type {'options'} */
    this.phase = 'options';
    /** A short name that stays: 'provider-' and what src/provider/provider.h calls the fault, as in 'provider-key-encrypted' */
    this.code = code;
    /** The name of the field that it is about, as in the service's form. @type {string | undefined} */
    this.field = field;
    /** What the service answered, as in HTTP; 0: it did not. @type {number | undefined} */
    this.status = status;
    /** As of MqttError: what to try; the message has it. */
    this.hint = '';
  }
}
ProviderError.prototype.name = 'ProviderError';

/**
 * What a dialogue came to.
 * @param {string} what the service, and what it does not do
 * @param {import('./dialogue.js').FailedStep} step
 */
export const failure = (what, { code, status, message }) => new ProviderError(code, `${what}: ${message}`, { status });
